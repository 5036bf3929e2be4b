/** Agents that end and start again while pods of two nodes talk. */
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import {
  bridge,
  FlannelCluster,
  type FlannelNode,
  ip,
  vxlanLease,
} from '../../support/flannel-cluster.ts'
import { attachPod } from '../../support/flannel-node.ts'
import { link } from '../../support/ip.ts'
import { macOf, overlayState } from '../../support/overlay-state.ts'
import { startPings } from '../../support/ping-stream.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip()

t.test('an agent that starts again', { skip }, async (t) => {
  const cluster = await FlannelCluster.make(t)
  const [one, two] = cluster.pair
  cluster.putLease('10.244.70.0-24', vxlanLease(70))
  cluster.putLease('10.244.71.0-24', vxlanLease(71))
  await Promise.all([one.agent.start('--ip-masq'), two.agent.start('--ip-masq')])
  const [first, second] = [await attachPod(one), await attachPod(two)]
  await eventually('all peers', () => [one, two].every((node) => peerCount(node) === 3))

  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT'] as const) {
    await t.test(signal, async (t) => {
      const before = overlayState(one)
      const [index, env] = [link(one, 'flannel.1')?.ifindex, one.agent.subnetEnv]
      const lease = cluster.lease('10.244.1.0-24')
      const pings = startPings(t, first, second.addresses[0] ?? '')
      const end = await one.agent.end(signal)
      if (signal === 'SIGKILL') t.equal(end.signal, signal)
      else t.strictSame(end, { code: 0, signal: null })
      t.equal(/Exiting cleanly\.\.\./.test(one.agent.log), signal !== 'SIGKILL')
      t.strictSame(overlayState(one), before, 'nothing is removed')
      await one.agent.start('--ip-masq')
      await setTimeout(500) // it has heard of the others
      const { answered, lost, said } = await pings.stop()
      t.ok(answered > 10, `${answered} pings were answered`)
      t.equal(lost, 0)
      t.strictSame(said, [])
      t.strictSame(overlayState(one), before)
      t.equal(link(one, 'flannel.1')?.ifindex, index, 'the device is the same')
      t.equal(one.agent.subnetEnv, env)
      t.equal(cluster.lease('10.244.1.0-24'), lease)
      t.strictSame(one.agent.lines(/: (?:adding|setting|removing) it|making .* anew/), [])
    })
  }

  await t.test('peers that change meanwhile', async (t) => {
    await one.agent.end('SIGKILL')
    cluster.removeLease('10.244.70.0-24')
    cluster.putLease('10.244.71.0-24', vxlanLease(72))
    const pings = startPings(t, first, second.addresses[0] ?? '')
    await one.agent.start('--ip-masq')
    const expected = {
      neighbours: [`10.244.2.0 ${macOf(two)}`, '10.244.71.0 0e:00:00:00:00:72'],
      fdb: ['0e:00:00:00:00:72 192.168.9.72 self', `${macOf(two)} 192.168.9.2 self`].sort(),
      routes: ['10.244.2.0/24 via 10.244.2.0 onlink', '10.244.71.0/24 via 10.244.71.0 onlink'],
    }
    await eventually('the peer that is gone', () => peerCount(one) === 2)
    await eventually('the old MAC', () => overlayState(one)?.fdb.length === 2)
    t.match(overlayState(one), expected)
    t.equal((await pings.stop()).lost, 0)
  })
})

function peerCount(node: FlannelNode): number {
  return overlayState(node)?.routes.length ?? 0
}

t.test('what another flanneld has made', { skip }, async (t) => {
  const cluster = await FlannelCluster.make(t)
  const [one, two] = cluster.pair
  await two.agent.start()
  const second = await attachPod(two)

  await t.test('is adopted as it is', async (t) => {
    // as upstream's makes it
    ip(
      one,
      'link add flannel.1 address 0e:11:22:33:44:55 mtu 1450 type vxlan id 1 local 192.168.9.1 dev eth0 nolearning dstport 0',
    )
    ip(one, 'address add 10.244.1.0/32 dev flannel.1')
    ip(one, 'link set flannel.1 up')
    cluster.putLease(
      '10.244.1.0-24',
      '{"PublicIP":"192.168.9.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"0e:11:22:33:44:55"}}',
    )
    ip(one, `neigh replace 10.244.2.0 lladdr ${macOf(two)} dev flannel.1 nud permanent`)
    bridge(one, `fdb replace ${macOf(two)} dev flannel.1 dst 192.168.9.2 self permanent`)
    ip(one, 'route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink')
    const before = overlayState(one)
    const index = link(one, 'flannel.1')?.ifindex
    await eventually('the peer', () => peerCount(two) === 1)
    const pings = startPings(t, one, second.addresses[0] ?? '')
    await one.agent.start()
    await setTimeout(500) // it has heard of the other
    const { answered, lost } = await pings.stop()
    t.ok(answered > 10, `${answered} pings were answered`)
    t.equal(lost, 0)
    t.strictSame(overlayState(one), before)
    t.equal(link(one, 'flannel.1')?.ifindex, index, 'the device is the same')
    t.match(cluster.lease('10.244.1.0-24'), '0e:11:22:33:44:55')
  })

  const stale = {
    VNI: 'id 7 local 192.168.9.1 dev eth0 nolearning',
    port: 'id 1 local 192.168.9.1 dev eth0 nolearning dstport 4789',
    'local address': 'id 1 local 192.168.9.77 dev eth0 nolearning',
  }
  for (const [what, device] of Object.entries(stale)) {
    await t.test(`is replaced when its ${what} is another`, (t) =>
      isReplaced(t, cluster, one, device),
    )
  }
})

async function isReplaced(t: Test, cluster: FlannelCluster, node: FlannelNode, device: string) {
  await node.agent.end('SIGTERM')
  const before = overlayState(node)
  ip(node, 'link delete flannel.1')
  ip(node, `link add flannel.1 address 0e:77:77:77:77:77 mtu 1450 type vxlan ${device}`)
  const lease = cluster.lease('10.244.1.0-24')
  await node.agent.start()
  await eventually('the peer', () => peerCount(node) === 1)
  t.strictSame(overlayState(node), before, 'its MAC is the one in the lease')
  t.equal(cluster.lease('10.244.1.0-24'), lease)
}
