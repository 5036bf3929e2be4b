/** Pods on two nodes that flannel joins by VXLAN, its usual backend. */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'
import { startCapture } from '../support/capture.ts'
import { attachPods, detachPods, exchange, largestPacket } from '../support/cluster-pods.ts'
import { makeVxlanCluster, vxlanSkip, wire } from '../support/cluster.ts'
import { link } from '../support/ip.ts'

const skip = kernelSkip() || missingProgram('nft', 'tcpdump') || vxlanSkip()

t.test('pods of two nodes reach each other through VXLAN', { skip }, async (t) => {
  const cluster = makeVxlanCluster(t)
  const [one] = cluster
  const capture = await startCapture(t, one, wire)
  const pods = await attachPods(t, cluster)
  const [first, second] = pods
  t.strictSame([first.addresses, second.addresses], [['10.244.1.2'], ['10.244.2.2']])
  t.equal(link(first, 'eth0')?.mtu, 1450)
  t.equal(link(one, 'cni0')?.mtu, 1450)

  await exchange(t, cluster, pods)
  await largestPacket(t, first, '10.244.2.2', 1450)
  await detachPods(t, cluster, pods)
  await capture.stop()

  const pings = 'udp dst port 8472 and udp[39] = 1' // protocol of the inner IPv4 header: ICMP
  const [outer, inner] = await capture.packets(pings)
  t.match(outer, /^IP 192\.168\.9\.1\.\d+ > 192\.168\.9\.2\.8472: VXLAN, flags \[I\] \S+ vni 1$/)
  t.match(inner, /^IP 10\.244\.1\.2 > 10\.244\.2\.2: ICMP echo request/)
  t.strictSame(await capture.packets('ip and not udp port 8472'), [], 'nothing travels outside')
  t.not((await capture.packets('len == 1514')).length, 0, 'frames are as large as they may be')
  t.strictSame(await capture.packets('greater 1515'), [], 'and no larger')
})
