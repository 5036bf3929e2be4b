/** GC and CHECK of what the bridge plugin has in the packet filter. */
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork } from '../support/bridge-network.ts'
import { firewallSkip, natRules, nft, ruleTraces } from '../support/firewall.ts'
import { hostLocal } from '../support/ipam.ts'
import type { Network } from '../support/network.ts'

const options = { skip: kernelSkip() || firewallSkip() }
const backends = ['iptables', 'nftables'] as const

function setUp(node: Node, ipMasqBackend: string, number = 1): Network {
  const ipam = hostLocal(node, `10.1.${number}.0/24`, `2001:db8:${number}::/64`)
  const [name, bridge] = [`net${number}`, `br${number}`]
  const keys = { isGateway: true, ipMasq: true, ipMasqBackend, macspoofchk: true }
  return makeNetwork(node, { name, bridge, ...keys, ipam })
}

const collect = (network: Network, pod: Pod, valid: readonly Pod[] | null) =>
  network.silent('GC', pod, {
    'cni.dev/valid-attachments':
      valid?.map(({ containerId }) => ({ containerID: containerId, ifname: 'eth0' })) ?? null,
  })

/** The rules and chains that are about a pod. */
const rulesOf = (node: Node, { containerId }: Pod) =>
  ruleTraces(node).filter((trace) => trace.includes(containerId))

for (const backend of backends) {
  t.test(
    `GC removes the rules of ${backend} of attachments that are not valid`,
    options,
    async (t) => {
      const node = makeNode(t)
      const [one, two] = [setUp(node, backend), setUp(node, backend, 2)]
      const [valid, stale, vanished, other] = [node.pod(), node.pod(), node.pod(), node.pod()]
      for (const pod of [valid, stale, vanished]) await one.attach(pod)
      await two.attach(other)
      runSync(['ip', 'netns', 'delete', vanished.name])
      const kept = [rulesOf(node, valid), rulesOf(node, other)]

      await collect(one, valid, [valid])
      t.strictSame([rulesOf(node, valid), rulesOf(node, other)], kept)
      t.strictSame([...rulesOf(node, stale), ...rulesOf(node, vanished)], [])
      t.equal(
        ruleTraces(node).filter((trace) => trace.startsWith(':CNI')).length,
        backend === 'iptables' ? 4 : 0,
      )

      await collect(one, valid, null)
      t.strictSame(rulesOf(node, valid), [])
      t.strictSame(rulesOf(node, other), kept[1], 'the other network keeps its rules')
      await collect(two, other, [])
      t.strictSame(ruleTraces(node), [])
      await collect(two, other, [])
    },
  )
}

t.test(
  'GC keeps a valid interface of a container and collects the other one',
  options,
  async (t) => {
    const node = makeNode(t)
    const network = setUp(node, 'nftables')
    const pod = node.pod()
    await network.attach(pod)
    const kept = ruleTraces(node).sort()
    await network.attach(pod, {}, { ifName: 'eth1' })
    await collect(network, pod, [pod])
    t.strictSame(ruleTraces(node).sort(), kept)
  },
)

/** Somebody removes a rule; `chain` is the pod's of iptables. */
type Removal = (node: Node, pod: Pod) => void

const checks = 'inet cni_plugins_masquerade masq_checks'

function iptables({ netns }: Node, ...args: string[]): void {
  runSync(inside(netns, ['iptables', '-t', 'nat', ...args]))
}

const chainOf = (node: Node) => natRules(node, 4)[0]?.replace(/^:(\S+) -$/, '$1') ?? ''

const removals: Readonly<Record<(typeof backends)[number], Readonly<Record<string, Removal>>>> = {
  nftables: {
    'the rules of all pods': (node) => nft(node, `flush chain ${checks}`),
    'what leads to them': (node) =>
      nft(node, 'flush chain inet cni_plugins_masquerade postrouting'),
    'the table': (node) => nft(node, 'delete table inet cni_plugins_masquerade'),
  },
  iptables: {
    'all rules': (node) => iptables(node, '-F'),
    'what leads to the pod’s chain': (node) => iptables(node, '-F', 'POSTROUTING'),
    'the rules of the pod’s chain': (node) => iptables(node, '-F', chainOf(node)),
    'what spares the subnet': (node) => iptables(node, '-D', chainOf(node), '1'),
    'what masquerades': (node) => iptables(node, '-D', chainOf(node), '2'),
  },
}

for (const backend of backends) {
  t.test(`CHECK misses rules of ${backend}`, options, async (t) => {
    for (const [name, remove] of Object.entries(removals[backend])) {
      const node = makeNode(t)
      const network = setUp(node, backend)
      const pod = node.pod()
      const prevResult = await network.attach(pod)
      await network.silent('CHECK', pod, { prevResult })
      await network.silent('CHECK', pod, { prevResult, ipMasqBackend: undefined })
      remove(node, pod)
      const error = await network.refused('CHECK', pod, { prevResult })
      t.match(error, { code: 999, msg: 'the rule that masquerades 10.1.1.2/24 is missing' }, name)
      await network.silent('DEL', pod)
      t.strictSame(ruleTraces(node), [], 'DEL removes the rest')
    }
  })
}

t.test('CHECK misses rules that check MACs', options, async (t) => {
  const node = makeNode(t)
  const network = setUp(node, 'nftables')
  const pod = node.pod()
  const prevResult = await network.attach(pod)
  const chain = `cni-br-iface-${pod.containerId}-eth0-mac`
  const removals = ['chain bridge nat PREROUTING', `chain bridge nat ${chain}`, 'table bridge nat']
  for (const removal of removals) {
    nft(node, `flush ${removal}`)
    const error = await network.refused('CHECK', pod, { prevResult })
    t.match(error, { code: 999, msg: 'the rule that checks the MAC of eth0 is missing' }, removal)
  }
  await network.silent('DEL', pod)
  t.strictSame(ruleTraces(node), [])
})
