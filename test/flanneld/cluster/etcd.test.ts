/** What becomes of a cluster when etcd goes away, or a lease of it: pods go on talking. */
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { FlannelCluster, ip, vxlanLease } from '../../support/flannel-cluster.ts'
import { attachPod } from '../../support/flannel-node.ts'
import { fdb, overlayState } from '../../support/overlay-state.ts'
import { startPings } from '../../support/ping-stream.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip()

t.test('etcd fails while pods talk', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t)
  const { etcd } = cluster
  const [one, two] = cluster.pair
  const [first, second] = [await attachPod(one), await attachPod(two)]
  const destinations = () =>
    fdb(one)
      .map((entry) => entry.split(' ')[1])
      .sort()
      .join()
  await eventually('the peer', () => destinations() === '192.168.9.2')
  const right = overlayState(one)
  const leases = ['10.244.1.0-24', '10.244.2.0-24']
  const current = () => leases.map((name) => cluster.lease(name))
  const values = current()
  const pings = startPings(t, first, second.addresses[0] ?? '')

  await t.test('it is compacted while an agent is cut off', async (t) => {
    cluster.putLease('10.244.72.0-24', vxlanLease(72))
    await eventually('a peer', () => destinations() === '192.168.9.2,192.168.9.72')
    await etcd.stop() // what it has sent arrives, and nothing more
    ip(cluster.hub, 'route add blackhole 192.168.9.1/32')
    await etcd.start()
    cluster.putLease('10.244.73.0-24', vxlanLease(73))
    cluster.removeLease('10.244.72.0-24')
    const revision = /"Revision" : (\d+)/.exec(etcd.ctl('get', 'none', '--write-out=fields'))?.[1]
    etcd.ctl('compact', revision ?? '')
    t.equal(destinations(), '192.168.9.2,192.168.9.72', 'the agent has not heard of it')
    ip(cluster.hub, 'route delete blackhole 192.168.9.1/32')
    await eventually('what is left', () => destinations() === '192.168.9.2,192.168.9.73')
    await one.agent.says(/etcd has compacted what happened to .*: all keys are read again/)
    cluster.removeLease('10.244.73.0-24')
    await eventually('all is as it was', () => destinations() === '192.168.9.2')
    t.strictSame(overlayState(one), right)
  })

  await t.test('it is away for some seconds', async (t) => {
    await etcd.stop()
    await setTimeout(3000)
    t.strictSame(overlayState(one), right)
    await etcd.start()
    const started = performance.now()
    cluster.putLease('10.244.70.0-24', vxlanLease(70))
    await eventually('a new peer', () => destinations() === '192.168.9.2,192.168.9.70')
    const took = Math.round(performance.now() - started)
    t.ok(took < 10_000, `it took ${took} ms`)
    cluster.removeLease('10.244.70.0-24')
    await eventually('it is gone', () => destinations() === '192.168.9.2')
    t.strictSame(overlayState(one), right)
    t.strictSame(current(), values)
  })

  const { answered, lost, said } = await pings.stop()
  t.ok(answered > 300, `${answered} pings were answered`)
  t.equal(lost, 0, 'none was lost')
  t.strictSame(said, [])

  await t.test('a lease is deleted by hand', async (t) => {
    cluster.removeLease('10.244.1.0-24')
    await one.agent.says(/the lease of 10\.244\.1\.0\/24 is taken again/)
    t.strictSame(current(), values)
    t.match(one.agent.subnetEnv, 'FLANNEL_SUBNET=10.244.1.1/24')
    await eventually('the other node has it', () => overlayState(two)?.routes.length === 1)
  })

  await t.test('another node takes the lease', async (t) => {
    const other = vxlanLease(99)
    cluster.putLease('10.244.1.0-24', other)
    t.strictSame(await one.agent.ended(), { code: 1, signal: null })
    t.match(one.agent.log, /10\.244\.1\.0\/24 .*belongs to the node 192\.168\.9\.99/)
    t.strictSame(overlayState(one), right, 'nothing is removed')
    t.equal(cluster.lease('10.244.1.0-24'), other)
  })
})
