/** Pods on two nodes that flannel joins by plain routes, with its backend host-gw. */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'
import { startCapture } from '../support/capture.ts'
import { attachPods, detachPods, exchange, largestPacket } from '../support/cluster-pods.ts'
import { makeHostGwCluster, wire } from '../support/cluster.ts'
import { link } from '../support/ip.ts'

const skip = kernelSkip() || missingProgram('nft', 'tcpdump')

t.test('pods of two nodes reach each other by routes', { skip }, async (t) => {
  const cluster = makeHostGwCluster(t)
  const [one] = cluster
  const capture = await startCapture(t, one, wire)
  const pods = await attachPods(t, cluster)
  const [first, second] = pods
  t.strictSame([first.addresses, second.addresses], [['10.244.1.2'], ['10.244.2.2']])
  t.equal(link(first, 'eth0')?.mtu, 1500)
  t.equal(link(one, 'cni0')?.mtu, 1500)

  await exchange(t, cluster, pods)
  await largestPacket(t, first, '10.244.2.2', 1500)
  await detachPods(t, cluster, pods)
  await capture.stop()

  const [ping] = await capture.packets('icmp')
  t.match(ping, /^IP 10\.244\.1\.2 > 10\.244\.2\.2: ICMP echo request/)
  t.strictSame(await capture.packets('udp'), [], 'nothing is wrapped')
  t.not((await capture.packets('len == 1514')).length, 0, 'frames are as large as they may be')
  t.strictSame(await capture.packets('greater 1515'), [], 'and no larger')
})
