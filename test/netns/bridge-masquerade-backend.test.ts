/** Which program masquerades, and what happens without it. */
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { firewallSkip, natRules, ruleset, ruleTraces } from '../support/firewall.ts'
import { link } from '../support/ip.ts'
import { hostLocal, reserved } from '../support/ipam.ts'
import { hiding, started, watching } from '../support/programs.ts'

const skip = kernelSkip() || firewallSkip()
const [nft, iptables] = ['/usr/sbin/nft', '/usr/sbin/iptables']

const makeMasquerading = (node: Node, keys: object = {}) =>
  makeNetwork(node, {
    isGateway: true,
    ipMasq: true,
    ipam: hostLocal(node, '10.1.2.0/24'),
    ...keys,
  })

/** A call without these programs. */
const without = (...paths: string[]) => ({
  argv: (executable: string) => hiding(paths, [executable]),
})

const has = (node: Node) => ({
  iptables: natRules(node, 4).length > 0,
  nftables: ruleset(node).some(({ table }) => table?.name === 'cni_plugins_masquerade'),
})

t.test('a node with both uses iptables', { skip }, async (t) => {
  const node = makeNode(t)
  await makeMasquerading(node).attach(node.pod())
  t.strictSame(has(node), { iptables: true, nftables: false })
})

t.test('an empty name is none', { skip }, async (t) => {
  const node = makeNode(t)
  await makeMasquerading(node, { ipMasqBackend: '' }).attach(node.pod())
  t.strictSame(has(node), { iptables: true, nftables: false })
})

t.test('a node without iptables uses nftables', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeMasquerading(node)
  await network.attach(pod, {}, without(iptables))
  t.strictSame(has(node), { iptables: false, nftables: true })
  await network.silent('DEL', pod, {}, without(iptables))
  t.strictSame(ruleTraces(node), [])
})

t.test('a node without either says so', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeMasquerading(node)
  const call = without(iptables, nft)
  const error = await network.refused('ADD', pod, {}, call)
  t.match(error, {
    code: 999,
    msg: 'neither iptables nor nftables is usable',
    details:
      /^\(iptables\) failed to find iptables: .*, \(nftables\) failed to find nft: .*nftables\)$/,
  })
  t.strictSame([...veths(node), ...reserved(node)], [])
  await network.silent('DEL', pod, {}, call)
})

for (const [ipMasqBackend, path, name] of [
  ['iptables', iptables, 'iptables-restore'],
  ['nftables', nft, 'nft'],
] as const) {
  t.test(`${ipMasqBackend} is asked for and missing`, { skip }, async (t) => {
    const node = makeNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    const network = makeMasquerading(node, { ipMasqBackend })
    const error = await network.refused('ADD', pod, {}, without(path))
    t.match(error, {
      code: 999,
      msg: `failed to find ${name}`,
      details: `(Debian: apt-get install ${ipMasqBackend})`,
    })
    t.strictSame([...veths(node), ...reserved(node), ...ruleTraces(node)], [])
    await network.silent('DEL', pod, {}, without(path))

    await network.attach(other)
    const { code, stderr } = await network.call('DEL', other, {}, without(path))
    t.equal(code, 0, 'a pod whose rules cannot be removed any more can still go')
    t.match(stderr, `going on without ${ipMasqBackend}, whose rules may stay: failed to find`)
    t.strictSame([...veths(node), ...reserved(node)], [])
    await network.silent('DEL', other)
    t.strictSame(ruleTraces(node), [])
  })
}

t.test('MACs cannot be checked without nft', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node, { macspoofchk: true })
  t.match(await network.refused('ADD', pod, {}, without(nft)), {
    code: 999,
    msg: 'failed to setup spoof-check: failed to find nft',
    details: '(Debian: apt-get install nftables)',
  })
  t.strictSame(veths(node), [])
  await network.silent('DEL', pod, {}, without(nft))
})

t.test('an unknown backend changes nothing', { skip }, async (t) => {
  const node = makeNode(t)
  const network = makeMasquerading(node, { ipMasqBackend: 'ipfw' })
  t.match(await network.refused('ADD', node.pod()), {
    code: 7,
    msg: 'unknown ipmasq backend "ipfw"',
    details: /"iptables" or "nftables"/,
  })
  t.equal(link(node, 'cni0'), undefined)
})

t.test(
  'programs are started for rules alone',
  { skip: skip || missingProgram('strace') },
  async (t) => {
    const node = makeNode(t)
    const file = join(node.dir, 'trace')
    const watched = { argv: (executable: string) => watching(file, [executable]) }
    const programs = () => started(file).slice(1)
    const pod = node.pod()

    const plain = makeMasquerading(node, { ipMasq: false })
    for (const command of ['ADD', 'DEL']) {
      await plain.call(command, pod, {}, watched)
      t.strictSame([started(file).length, programs()], [1, []], `${command} without ipMasq`)
    }
    await plain.silent('GC', pod, { 'cni.dev/valid-attachments': [] }, watched)
    t.strictSame([started(file).length, programs()], [1, []], 'GC without ipMasq')

    const network = makeMasquerading(node, { macspoofchk: true })
    for (const command of ['DEL', 'GC']) {
      await network.silent(command, pod, { 'cni.dev/valid-attachments': [] }, watched)
      t.strictSame(programs(), [], `${command} when there is no rule`)
    }
    await network.attach(pod, { ipMasqBackend: 'nftables' }, watched)
    t.strictSame(programs(), [nft, nft], 'a transaction each of MACs and of masquerading')
  },
)
