/** Rules of Go's bridge plugin and ours: each removes what the other made. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork } from '../support/bridge-network.ts'
import { firewallSkip, natRules, ruleset, ruleTraces } from '../support/firewall.ts'
import { fakeIpam, hostLocal } from '../support/ipam.ts'
import type { Call } from '../support/plugin-call.ts'

const executable = '/usr/lib/cni/bridge'
const skip =
  kernelSkip() ||
  firewallSkip() ||
  (!existsSync(executable) &&
    'Go’s bridge is not installed: apt-get install containernetworking-plugins')

/** A call of Go's plugin. */
const go: Call = { argv: () => [executable] }

const subnets = {
  IPv4: ['10.1.2.0/24'],
  IPv6: ['2001:db8:1::/64'],
  'dual stack': ['10.1.2.0/24', '2001:db8:1::/64'],
} as const

/** The newest version that Debian's plugin knows is 1.0.0; it masquerades by iptables alone. */
const conf = {
  cniVersion: '1.0.0',
  isGateway: true,
  ipMasq: true,
  ipMasqBackend: 'iptables',
  macspoofchk: true,
}

const makePod = (node: Node): Pod => ({ ...node.pod(), containerId: 'c1' })

/** The rules of iptables, and those that check MACs but for the port and the MAC that they name. */
function rules(node: Node): unknown[] {
  const hide = (_: string, value: unknown) =>
    typeof value === 'string' && /^(?:veth.{8}|(?:..:){5}..)$/.test(value) ? 'its own' : value
  const bridge = ruleset(node).filter((object) => JSON.stringify(object).includes('"bridge"'))
  return [...natRules(node, 4), ...natRules(node, 6), JSON.parse(JSON.stringify(bridge), hide)]
}

for (const [name, each] of Object.entries(subnets)) {
  t.test(name, { skip }, async (t) => {
    const [theirs, ours] = [makeNode(t), makeNode(t)]
    const [theirPod, ourPod] = [makePod(theirs), makePod(ours)]
    const theirNetwork = makeNetwork(theirs, { ...conf, ipam: hostLocal(theirs, ...each) })
    const ourNetwork = makeNetwork(ours, { ...conf, ipam: hostLocal(ours, ...each) })
    const result = await theirNetwork.attach(theirPod, {}, go)
    await ourNetwork.attach(ourPod)
    t.strictSame(rules(ours), rules(theirs), 'the same rules')

    await theirNetwork.silent('CHECK', theirPod, { prevResult: result })
    await theirNetwork.silent('DEL', theirPod)
    t.strictSame(ruleTraces(theirs), [], 'ours removes theirs')
    await ourNetwork.silent('DEL', ourPod, {}, go)
    t.strictSame(ruleTraces(ours), [], 'theirs removes ours')
  })
}

t.test('ours removes what theirs leaves', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = makePod(node)
  const network = makeNetwork(node, { ...conf, ipam: hostLocal(node, ...subnets['dual stack']) })
  await network.attach(pod, {}, go)
  await network.call('DEL', pod, {}, { ...go, netns: '' })
  t.ok(ruleTraces(node).length > 0, 'a DEL without a sandbox')
  await network.silent('DEL', pod, {}, { netns: '' })
  t.strictSame(ruleTraces(node), [])

  const next = makePod(node)
  await network.attach(next, {}, go)
  runSync(['ip', 'netns', 'delete', next.name])
  const keys = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] }
  await network.silent('GC', pod, { ...keys, name: 'net2', macspoofchk: false })
  t.ok(ruleTraces(node).length > 0, 'another network')
  await network.silent('GC', pod, keys)
  t.strictSame(ruleTraces(node), [])
})

t.test('two addresses of one family', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = makePod(node)
  const ips = ['10.1.2.3/24', '10.9.0.3/16'].map((address) => ({ address, interface: 0 }))
  const keys = { ...conf, isGateway: false, ipam: fakeIpam(node, { ips }) }
  const network = makeNetwork(node, keys)
  await network.attach(pod, {}, go)
  await network.silent('DEL', pod)
  t.strictSame(ruleTraces(node), [])
})
