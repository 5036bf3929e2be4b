/** macspoofchk: a pod that takes another MAC is cut off. */
import t from 'tap'
import { addNamespace, kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { firewallSkip, nft, ruleset, ruleTraces } from '../support/firewall.ts'
import { link, reaches } from '../support/ip.ts'
import { hostLocal, reserved } from '../support/ipam.ts'

const options = { skip: kernelSkip() || firewallSkip() }

const makeChecking = (node: Node, keys: object = {}) =>
  makeNetwork(node, { macspoofchk: true, ipam: hostLocal(node, '10.1.2.0/24'), ...keys })

function setMac({ name }: Pod, mac: string): void {
  for (const change of ['down', `address ${mac}`, 'up']) {
    runSync(['ip', '-n', name, 'link', 'set', 'eth0', ...change.split(' ')])
  }
}

t.test('frames with another MAC are dropped', options, async (t) => {
  const node = makeNode(t)
  const [checked, free, other] = [node.pod(), node.pod(), node.pod()]
  const network = makeChecking(node)
  for (const pod of [checked, other]) await network.attach(pod)
  await network.attach(free, { macspoofchk: false })
  const macs = [checked, free].map((pod) => link(pod, 'eth0')?.address ?? '')
  t.ok(await reaches(checked, '10.1.2.3'), 'its own MAC passes')

  setMac(checked, '0a:58:0a:01:02:99')
  setMac(free, '0a:58:0a:01:02:98')
  t.notOk(await reaches(checked, '10.1.2.3'), 'another one does not')
  t.ok(await reaches(free, '10.1.2.3'), 'a pod that is not checked may have any')
  setMac(free, macs[0] ?? '')
  t.ok(await reaches(free, '10.1.2.3'), 'even that of another pod')
  setMac(free, macs[1] ?? '')
  setMac(checked, macs[0] ?? '')
  t.ok(await reaches(checked, '10.1.2.3'), 'with its own MAC it is back')
})

t.test('rules of Go’s names', options, async (t) => {
  const [node, expected] = [makeNode(t), addNamespace(t)]
  const pod = { ...node.pod(), containerId: 'c1' }
  const network = makeChecking(node, { ipam: {} })
  await network.attach(pod)
  const port = veths(node)[0]?.ifname
  const mac = link(pod, 'eth0')?.address
  const chain = 'cni-br-iface-c1-eth0'
  const comment = 'comment "macspoofchk-c1-eth0"'
  nft(
    expected,
    `add table bridge nat
add chain bridge nat PREROUTING { type filter hook prerouting priority -300; policy accept; }
add chain bridge nat ${chain}
add chain bridge nat ${chain}-mac
add rule bridge nat PREROUTING iifname ${port} jump ${chain} ${comment}
add rule bridge nat ${chain} jump ${chain}-mac ${comment}
add rule bridge nat ${chain}-mac ether saddr ${mac} return ${comment}
add rule bridge nat ${chain}-mac drop ${comment}
`,
  )
  t.strictSame(ruleset(node), ruleset(expected))
})

t.test('a DEL leaves no chain', options, async (t) => {
  const node = makeNode(t)
  const network = makeChecking(node)
  const [pod, gone, other] = [node.pod(), node.pod(), node.pod()]
  await network.attach(other)
  const others = ruleTraces(node)
  for (const call of [{}, { netns: '' }]) {
    await network.attach(pod)
    await network.silent('DEL', pod, {}, call)
    t.strictSame(ruleTraces(node), others)
  }
  await network.attach(gone)
  runSync(['ip', 'netns', 'delete', gone.name])
  await network.silent('DEL', gone)
  await network.silent('DEL', gone)
  t.strictSame(ruleTraces(node), others)
})

t.test('a table that others use stays as it is', options, async (t) => {
  const node = makeNode(t)
  const network = makeChecking(node)
  nft(
    node,
    `add table bridge nat
add chain bridge nat PREROUTING { type filter hook prerouting priority -300; policy accept; }
add rule bridge nat PREROUTING ether saddr 02:00:00:00:00:01 accept comment "macspoofchk"
`,
  )
  const before = ruleset(node)
  const pod = node.pod()
  await network.attach(pod)
  t.equal(ruleset(node).length, before.length + 6)
  await network.silent('DEL', pod)
  await network.silent('GC', pod, { 'cni.dev/valid-attachments': [] })
  t.strictSame(ruleset(node), before)
})

t.test('a strange name of an interface is a name', options, async (t) => {
  const node = makeNode(t)
  nft(node, 'add table inet canary\nadd chain inet canary c\nadd rule inet canary c drop\n')
  const before = ruleset(node)
  const keys = { ipMasq: true, ipMasqBackend: 'nftables' }
  const network = makeChecking(node, keys)
  for (const ifName of [
    'x;y',
    'a{b',
    '};#',
    '"q"',
    "'q'",
    '$(reboot)',
    '@set',
    '\\',
    'é',
    '-j',
    'a*b',
  ]) {
    const pod = node.pod()
    const prevResult = await network.attach(pod, {}, { ifName })
    await network.silent('CHECK', pod, { prevResult }, { ifName })
    t.ok(
      ruleset(node).some(
        ({ chain }) => chain?.name === `cni-br-iface-${pod.containerId}-${ifName}`,
      ),
      ifName,
    )
    await network.silent('DEL', pod, {}, { ifName })
    t.strictSame(ruleTraces(node), [])
  }
  t.strictSame(
    ruleset(node).filter((object) => JSON.stringify(object).includes('canary')),
    before,
  )
})

t.test('a name that nft cannot take is refused', options, async (t) => {
  const node = makeNode(t)
  const network = makeChecking(node)
  const pod = node.pod()
  for (const call of [{ ifName: 'eth*' }, { containerId: 'c'.repeat(250) }]) {
    const { msg = '' } = await network.refused('ADD', pod, {}, call)
    t.match(msg, /^failed to setup spoof-check: running \[\S*nft -j .*\]: exit status 1: .*Error: /)
    t.ok(msg.length < 1000, 'in a text that can be read')
    await network.silent('DEL', pod, {}, call)
  }
  t.strictSame([...ruleTraces(node), ...veths(node), ...reserved(node)], [])
})
