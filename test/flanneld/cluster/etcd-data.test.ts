/** etcd loses its data, or gets older ones back, while pods talk. */
import t, { type Test } from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { FlannelCluster, vxlanLease } from '../../support/flannel-cluster.ts'
import { attachPod } from '../../support/flannel-node.ts'
import { overlayState } from '../../support/overlay-state.ts'
import { startPings } from '../../support/ping-stream.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip()

/** Within so many ms after etcd is back all leases have to be. */
const maxMs = 10_000

t.test('etcd loses data', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t)
  const { etcd } = cluster
  const [one, two] = cluster.pair
  const [first, second] = [await attachPod(one), await attachPod(two)]
  await eventually('the peers', () =>
    cluster.nodes.every((node) => overlayState(node)?.routes.length === 1),
  )
  const right = cluster.nodes.map((node) => overlayState(node))
  const leases = ['10.244.1.0-24', '10.244.2.0-24']
  const current = () => leases.map((name) => cluster.lease(name)).join()
  const values = current()
  const isRight = () =>
    JSON.stringify(cluster.nodes.map((node) => overlayState(node))) === JSON.stringify(right)
  const soon = async (t: Test, what: string, condition: () => boolean) => {
    const started = performance.now()
    await eventually(what, condition)
    const took = Math.round(performance.now() - started)
    t.ok(took < maxMs, `${what}: it took ${took} ms`)
  }
  const pings = startPings(t, first, second.addresses[0] ?? '')

  await t.test('old data is restored', async (t) => {
    await etcd.backUp()
    cluster.putLease('10.244.71.0-24', vxlanLease(71))
    await eventually('a new peer', () => overlayState(one)?.routes.length === 2)
    await eventually('a new peer', () => overlayState(two)?.routes.length === 2)
    await etcd.restore()
    await soon(t, 'it is forgotten', isRight)
    t.equal(current(), values)
  })

  await t.test('all is lost', async (t) => {
    await etcd.loseData()
    await soon(t, 'the leases are taken again', () => current() === values)
    await soon(t, 'the nodes know each other', isRight)
  })

  const { answered, lost, said } = await pings.stop()
  t.ok(answered > 100, `${answered} pings were answered`)
  t.equal(lost, 0, 'none was lost')
  t.strictSame(said, [])
})
