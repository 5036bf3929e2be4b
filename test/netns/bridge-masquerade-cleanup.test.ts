/** No rule outlives its attachment, however that ends. */
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { firewallSkip, ruleTraces } from '../support/firewall.ts'
import { fakeIpam, hostLocal } from '../support/ipam.ts'
import type { Network } from '../support/network.ts'
import type { Output } from '../support/plugin-call.ts'

const options = { skip: kernelSkip() || firewallSkip() }
const backends = ['iptables', 'nftables'] as const
const subnets = ['10.1.2.0/24', '2001:db8:1::/64']

/** Everything that uses the packet filter. */
const conf = { isGateway: true, ipMasq: true, macspoofchk: true }

/** A dual-stack network. */
function setUp(node: Node, ipMasqBackend: string): Network {
  return makeNetwork(node, { ...conf, ipMasqBackend, ipam: hostLocal(node, ...subnets) })
}

/** Runs ip(8) in a namespace. */
const ip = ({ name }: Pod, command: string) => runSync(['ip', '-n', name, ...command.split(' ')])

/** Ways of a DEL, with what happened before. */
const ways: Readonly<
  Record<string, (network: Network, pod: Pod, prevResult: Output) => Promise<void>>
> = {
  'with prevResult': (network, pod, prevResult) => network.silent('DEL', pod, { prevResult }),
  'without prevResult': (network, pod) => network.silent('DEL', pod),
  'without a path of the sandbox': (network, pod) => network.silent('DEL', pod, {}, { netns: '' }),
  'with prevResult alone': (network, pod, prevResult) =>
    network.silent('DEL', pod, { prevResult }, { netns: '' }),
  async 'with a sandbox that is gone'(network, pod) {
    runSync(['ip', 'netns', 'delete', pod.name])
    await network.silent('DEL', pod)
  },
  async 'with an interface that is gone'(network, pod) {
    ip(pod, 'link delete eth0')
    await network.silent('DEL', pod)
  },
  async 'with an interface that has another name'(network, pod) {
    ip(pod, 'link set eth0 down')
    ip(pod, 'link set eth0 name net7')
    await network.silent('DEL', pod)
  },
  async 'with an interface without addresses'(network, pod) {
    ip(pod, 'address flush dev eth0')
    await network.silent('DEL', pod)
  },
  'with nftables configured': (network, pod) =>
    network.silent('DEL', pod, { ipMasqBackend: 'nftables' }),
  'with iptables configured': (network, pod) =>
    network.silent('DEL', pod, { ipMasqBackend: 'iptables' }),
  'with no backend configured': (network, pod) =>
    network.silent('DEL', pod, { ipMasqBackend: undefined }),
}

for (const backend of backends) {
  t.test(`a DEL leaves no rule of ${backend}`, options, async (t) => {
    const node = makeNode(t)
    const network = setUp(node, backend)
    const neighbour = node.pod()
    await network.attach(neighbour)
    const others = ruleTraces(node)
    for (const [name, del] of Object.entries(ways)) {
      const pod = node.pod()
      const prevResult = await network.attach(pod)
      t.ok(ruleTraces(node).length > others.length)
      await del(network, pod, prevResult)
      t.strictSame(ruleTraces(node), others, name)
    }
    t.equal(veths(node).length, 1)
  })

  t.test(`rules of ${backend} belong to containers, not to addresses`, options, async (t) => {
    const node = makeNode(t)
    const network = setUp(node, backend)
    const [gone, heir] = [node.pod(), node.pod()]
    const ipam = fakeIpam(node, { ips: [{ address: '10.1.2.3/24' }] })
    await network.attach(gone, { ipam })
    ip(gone, 'link delete eth0')
    const prevResult = await network.attach(heir, { ipam })
    await network.silent('DEL', gone, { ipam })
    t.notOk(ruleTraces(node).some((trace) => trace.includes(gone.containerId)))
    await network.silent('CHECK', heir, { ipam, prevResult })
  })

  t.test(`a repeated ADD has its rules of ${backend} once`, options, async (t) => {
    const node = makeNode(t)
    const ipam = fakeIpam(node, { ips: [{ address: '10.1.2.3/24' }] })
    const network = makeNetwork(node, { ...conf, ipMasqBackend: backend, ipam })
    const pod = node.pod()
    await network.attach(pod)
    const once = ruleTraces(node)
    t.match(await network.refused('ADD', pod), { msg: /already exists$/ })
    t.strictSame(ruleTraces(node), once, 'a refused one changes nothing')
    ip(pod, 'link delete eth0')
    await network.attach(pod)
    t.strictSame(ruleTraces(node).sort(), once.sort(), 'after one without its DEL')
    await network.silent('DEL', pod)
    t.strictSame(ruleTraces(node), [])
  })

  t.test(`an interface that was never there has no rule of ${backend}`, options, async (t) => {
    const node = makeNode(t)
    const network = setUp(node, backend)
    const pod = node.pod()
    await network.silent('DEL', pod)
    const prevResult = await network.attach(pod)
    await network.silent('DEL', pod, {}, { ifName: 'eth1' })
    await network.silent('CHECK', pod, { prevResult })
    await network.silent('DEL', pod)
    await network.silent('DEL', pod)
    t.strictSame(ruleTraces(node), [])
  })
}

for (const backend of backends) {
  for (const order of [
    ['net1', 'net2'],
    ['net2', 'net1'],
  ] as const) {
    const title = `one address of a pod on two networks, by ${backend}, ${order.join(' first, then ')}`
    t.test(title, options, async (t) => {
      const node = makeNode(t)
      const pod = node.pod()
      const ipam = fakeIpam(node, { ips: [{ address: '10.1.2.3/24' }] })
      const networks = {
        net1: { name: 'net1', bridge: 'cni1', ifName: 'eth0' },
        net2: { name: 'net2', bridge: 'cni2', ifName: 'eth1' },
      }
      const networkOf = ({ name, bridge }: { name: string; bridge: string }) =>
        makeNetwork(node, { ipMasq: true, ipMasqBackend: backend, name, bridge, ipam })
      const results = new Map<string, Output>()
      for (const [name, { ifName, ...rest }] of Object.entries(networks)) {
        results.set(name, await networkOf(rest).attach(pod, {}, { ifName }))
      }
      const [first, second] = order.map((name) => networks[name])
      if (first === undefined || second === undefined) return
      const all = ruleTraces(node)
      await networkOf(first).silent('DEL', pod, {}, { ifName: first.ifName })
      const left = ruleTraces(node)
      t.equal(left.length, all.length / 2)
      t.notOk(left.some((trace) => trace.includes(first.name)))
      const prevResult = results.get(second.name)
      await networkOf(second).silent('CHECK', pod, { prevResult }, { ifName: second.ifName })
      await networkOf(second).silent('DEL', pod, {}, { ifName: second.ifName })
      t.strictSame(ruleTraces(node), [])
    })
  }
}
