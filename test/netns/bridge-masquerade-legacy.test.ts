/** Masquerading by iptables-legacy, whose rules netlink does not show. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork } from '../support/bridge-network.ts'
import { ruleTraces } from '../support/firewall.ts'
import { hostLocal } from '../support/ipam.ts'
import type { Call } from '../support/plugin-call.ts'
import { replacing } from '../support/programs.ts'

const program = '/usr/sbin/xtables-legacy-multi'
const skip = kernelSkip() || legacySkip()

function legacySkip(): string | false {
  if (!existsSync(program)) return 'iptables-legacy is not installed'
  try {
    for (const name of ['iptables-legacy', 'ip6tables-legacy']) {
      runSync(['unshare', '--net', name, '-t', 'nat', '-S'])
    }
    return false
  } catch (error) {
    return `no iptables-legacy here: ${error instanceof Error ? error.message : error}`
  }
}

/** A call on a node where iptables is the legacy one. */
const legacy: Call = {
  argv: (executable) => replacing({ '/usr/sbin/iptables': program }, [executable]),
}

function rules({ netns }: Node): string[] {
  const saves = ['iptables-legacy-save', 'ip6tables-legacy-save']
  return saves
    .flatMap((save) => runSync(inside(netns, [save, '-t', 'nat'])).split('\n'))
    .filter((line) => /^(?:-A|:CNI\S+ -) ?/.test(line))
    .map((line) => line.replace(/ \[\d+:\d+\]$/, ''))
}

t.test('rules of iptables-legacy', { skip }, async (t) => {
  const node = makeNode(t)
  const [pod, gone, stale] = [node.pod(), node.pod(), node.pod()]
  const ipam = hostLocal(node, '10.1.2.0/24', '2001:db8:1::/64')
  const network = makeNetwork(node, { isGateway: true, ipMasq: true, ipam })
  const prevResult = await network.attach(pod, {}, legacy)
  const own = rules(node)
  t.equal(own.length, 8, 'a chain with two rules and a jump, twice')
  t.strictSame(ruleTraces(node), [], 'nothing of nftables')
  await network.silent('CHECK', pod, { prevResult }, legacy)

  await network.attach(gone, {}, legacy)
  runSync(['ip', 'netns', 'delete', gone.name])
  await network.silent('DEL', gone, { ipMasqBackend: 'nftables' }, legacy)
  t.strictSame(rules(node), own)

  await network.attach(stale, {}, legacy)
  const valid = [{ containerID: pod.containerId, ifname: 'eth0' }]
  await network.silent('GC', pod, { 'cni.dev/valid-attachments': valid }, legacy)
  t.strictSame(rules(node), own)

  runSync(inside(node.netns, ['ip6tables-legacy', '-t', 'nat', '-F', 'POSTROUTING']))
  t.match(await network.refused('CHECK', pod, { prevResult }, legacy), {
    msg: 'the rule that masquerades 2001:db8:1::2/64 is missing',
  })
  await network.silent('DEL', pod, {}, legacy)
  await network.silent('DEL', pod, {}, legacy)
  t.strictSame(rules(node), [])
})
