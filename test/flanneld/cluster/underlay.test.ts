/** The link between the nodes changes: its MTU, its address, up and down. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { FlannelCluster, type FlannelNode, ip } from '../../support/flannel-cluster.ts'
import { reaches } from '../../support/ip.ts'
import { fdb, macOf, overlayState, routesBy } from '../../support/overlay-state.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip()

t.test('vxlan', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t)
  const [one, two] = cluster.pair
  await eventually('the peers', () => cluster.nodes.every((node) => fdb(node).length === 1))
  const right = overlayState(one)

  for (const mtu of [1400, 1500]) {
    await t.test(`an MTU of ${mtu}`, async (t) => {
      ip(one, `link set eth0 mtu ${mtu}`)
      const expected = new RegExp(`^FLANNEL_MTU=${mtu - 50}$`, 'm')
      await eventually('subnet.env', () => expected.test(one.agent.subnetEnv))
      t.strictSame(overlayState(one), { ...right, mtu: mtu - 50 })
    })
  }

  await t.test('a second address', async (t) => {
    ip(one, 'address add 192.168.9.51/24 dev eth0')
    await setTimeout(1000)
    t.strictSame(overlayState(one), right)
    t.match(cluster.lease('10.244.1.0-24'), '"PublicIP":"192.168.9.1"')
    ip(one, 'address delete 192.168.9.51/24 dev eth0')
  })

  await t.test('another address', async (t) => {
    ip(one, 'address delete 192.168.9.1/24 dev eth0')
    await setTimeout(1000)
    ip(one, 'address add 192.168.9.101/24 dev eth0')
    ip(one, 'route add default via 192.168.9.254')
    await eventually('the lease', () =>
      cluster.lease('10.244.1.0-24').includes('"PublicIP":"192.168.9.101"'),
    )
    await eventually('the tunnel', () => overlayState(one)?.routes.length === 1)
    t.strictSame(overlayState(one), { ...right, local: '192.168.9.101' }, 'with the same MAC')
    const expected = [`${macOf(one)} 192.168.9.101 self`]
    await eventually('the other node', () => fdb(two).join() === expected.join())
    t.ok(await reaches(one, '10.244.2.0'))
    t.ok(await reaches(two, '10.244.1.0'))
    t.match(one.agent.subnetEnv, 'FLANNEL_SUBNET=10.244.1.1/24')
  })

  await t.test('down and up', async (t) => {
    const before = overlayState(one)
    await downAndUp(one)
    t.ok(await reaches(one, '10.244.2.0'))
    t.strictSame(overlayState(one), before)
  })

  await t.test('the interface goes and comes back', async (t) => {
    const before = overlayState(one)
    ip(cluster.hub, 'link delete node1')
    await eventually('the tunnel goes with it', () => overlayState(one) === undefined)
    await setTimeout(500)
    const end = 'mtu 1500 gso_max_segs 1'
    ip(cluster.hub, `link add node1 ${end} type veth peer name eth0 netns ${one.name} ${end}`)
    ip(cluster.hub, 'link set node1 master wire0 up')
    ip(one, 'address add 192.168.9.101/24 dev eth0')
    ip(one, 'link set eth0 up')
    ip(one, 'route add default via 192.168.9.254')
    await eventually('the tunnel', () => overlayState(one)?.routes.length === 1)
    t.strictSame(overlayState(one), before)
    t.ok(await reaches(one, '10.244.2.0'))
  })
})

async function downAndUp(node: FlannelNode): Promise<void> {
  ip(node, 'link set eth0 down')
  await setTimeout(1000)
  ip(node, 'link set eth0 up')
  ip(node, 'route add default via 192.168.9.254')
}

t.test('host-gw', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t, { backend: { Type: 'host-gw' } })
  const [one] = cluster.pair
  const peerRoutes = () => routesBy(one, 'eth0').filter((route) => route.startsWith('10.244.'))
  const right = ['10.244.2.0/24 via 192.168.9.2']
  await eventually('the peer', () => peerRoutes().length === 1)
  t.strictSame(peerRoutes(), right)

  await t.test('down and up', async (t) => {
    await downAndUp(one)
    await eventually('the route', () => peerRoutes().length === 1)
    t.strictSame(peerRoutes(), right)
  })

  await t.test('an MTU of 1400', async () => {
    ip(one, 'link set eth0 mtu 1400')
    await eventually('subnet.env', () => /^FLANNEL_MTU=1400$/m.test(one.agent.subnetEnv))
  })

  await t.test('a route changed by hand', async (t) => {
    ip(one, 'route replace 10.244.2.0/24 via 192.168.9.254 dev eth0')
    ip(one, 'route add 10.244.77.0/24 via 192.168.9.254 dev eth0')
    await one.agent.says(
      /10\.244\.77\.0\/24 via 192\.168\.9\.254 dev eth0 is in no lease: removing it/,
    )
    await eventually('it is removed', () => peerRoutes().join() === right.join())
    t.strictSame(peerRoutes(), right)
  })
})
