/** Clusters of other configurations: host-gw, DirectRouting, two families, nftables. */
import t, { type Test } from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../../scripts/lab/run.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { FlannelCluster, type FlannelNode } from '../../support/flannel-cluster.ts'
import { attachPod } from '../../support/flannel-node.ts'
import { link, reaches } from '../../support/ip.ts'
import { devices, macOf, overlayState, routesBy } from '../../support/overlay-state.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip() || missingProgram('nft')

/** Routes to subnets of others, without a tunnel. */
function directRoutes(node: FlannelNode): string[] {
  return routesBy(node, 'eth0').filter((route) => /^(?:10\.244\.|fd00:244:)/.test(route))
}

/** A pod on each node reaches all addresses of those on the others. */
async function meet(t: Test, nodes: readonly FlannelNode[]): Promise<void> {
  const pods = await Promise.all(nodes.map((node) => attachPod(node)))
  for (const pod of pods) {
    for (const other of pods.filter((each) => each !== pod)) {
      for (const address of other.addresses) t.ok(await reaches(pod, address), address)
    }
  }
}

t.test('host-gw', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t, { backend: { Type: 'host-gw' }, families: [4, 6] })
  const [one, two] = cluster.pair
  await eventually('the routes', () => directRoutes(one).length + directRoutes(two).length === 4)
  t.strictSame(directRoutes(one), [
    '10.244.2.0/24 via 192.168.9.2',
    'fd00:244:0:2::/64 via fd00:9::2',
  ])
  t.equal(
    one.agent.subnetEnv,
    `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_IPV6_NETWORK=fd00:244::/48
FLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64
FLANNEL_MTU=1500
FLANNEL_IPMASQ=false
`,
  )
  t.equal(
    cluster.lease('10.244.1.0-24&fd00:244:0:1::-64'),
    '{"PublicIP":"192.168.9.1","PublicIPv6":"fd00:9::1","BackendType":"host-gw"}',
  )
  t.equal(link(one, devices[4]), undefined)
  await meet(t, cluster.nodes)
})

t.test('DirectRouting', { skip }, async (t) => {
  const backend = { Type: 'vxlan', DirectRouting: true }
  const cluster = await FlannelCluster.start(t, { backend, wires: [2, 1] })
  const [one, two, three] = cluster.nodes
  if (one === undefined || two === undefined || three === undefined) throw new Error('no nodes')
  const peers = (node: FlannelNode) => directRoutes(node).length + routesBy(node, devices[4]).length
  await eventually('the routes', () => cluster.nodes.every((node) => peers(node) === 2))
  t.strictSame(directRoutes(one), ['10.244.2.0/24 via 192.168.9.2'], 'on the same network')
  t.match(overlayState(one), {
    routes: ['10.244.3.0/24 via 10.244.3.0 onlink'],
    fdb: [`${macOf(three)} 192.168.10.3 self`],
    neighbours: [`10.244.3.0 ${macOf(three)}`],
  })
  t.strictSame(directRoutes(three), [], 'behind a router')
  t.equal(overlayState(three)?.fdb.length, 2)
  t.match(one.agent.subnetEnv, 'FLANNEL_MTU=1450')
  await meet(t, cluster.nodes)
})

t.test('two families', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t, { families: [4, 6] })
  const [one, two] = cluster.pair
  await eventually('the routes', () =>
    cluster.nodes.every((node) => overlayState(node, devices[6])?.routes.length === 1),
  )
  t.strictSame(overlayState(one, devices[6]), {
    ...{ mtu: 1430, mac: macOf(one, devices[6]), isUp: true },
    ...{ id: 1, local: 'fd00:9::1', port: 8472, learning: false, parent: 'eth0' },
    addresses: ['fd00:244:0:1::/128'],
    neighbours: [`fd00:244:0:2:: ${macOf(two, devices[6])}`],
    fdb: [`${macOf(two, devices[6])} fd00:9::2 self`],
    routes: ['fd00:244:0:2::/64 via fd00:244:0:2:: onlink'],
  })
  t.equal(overlayState(one)?.mtu, 1450)
  t.match(one.agent.subnetEnv, /^FLANNEL_IPV6_SUBNET=fd00:244:0:1::1\/64\nFLANNEL_MTU=1430$/m)
  const data = (device: string) => `{"VNI":1,"VtepMAC":"${macOf(one, device)}"}`
  t.equal(
    cluster.lease('10.244.1.0-24&fd00:244:0:1::-64'),
    '{"PublicIP":"192.168.9.1","PublicIPv6":"fd00:9::1","BackendType":"vxlan",' +
      `"BackendData":${data(devices[4])},"BackendV6Data":${data(devices[6])}}`,
  )
  await meet(t, cluster.nodes)
})

t.test('nftables', { skip }, async (t) => {
  const conf = { EnableNFTables: true }
  const cluster = await FlannelCluster.start(t, { conf, flags: ['--ip-masq'] })
  const [one] = cluster.pair
  const rules = runSync(inside(one.netns, ['nft', 'list', 'table', 'ip', 'flannel-ipv4']))
  t.match(rules, 'type nat hook postrouting priority srcnat; policy accept;')
  t.match(rules, 'ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return')
  t.match(rules, 'ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random')
  t.match(rules, 'type filter hook forward priority filter; policy accept;')
  t.match(rules, 'ip daddr 10.244.0.0/16 accept')
  const all = runSync(inside(one.netns, ['nft', 'list', 'ruleset']))
  t.notMatch(all, 'FLANNEL-', 'and nothing of iptables')
  await meet(t, cluster.nodes)
})
