/** Pods with an address of each family, on two nodes that flannel joins by VXLAN. */
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { missingProgram } from '../../scripts/lab/run.ts'
import { startCapture } from '../support/capture.ts'
import { attachPods, detachPods, exchange, largestPacket } from '../support/cluster-pods.ts'
import { makeVxlanCluster, vxlanSkip, wire } from '../support/cluster.ts'
import { globalCidrs } from '../support/ip.ts'

const skip = kernelSkip() || missingProgram('nft', 'tcpdump') || vxlanSkip()

t.test('dual-stack pods of two nodes reach each other', { skip }, async (t) => {
  const cluster = makeVxlanCluster(t, [4, 6])
  const [one] = cluster
  const capture = await startCapture(t, one, wire)
  const pods = await attachPods(t, cluster)
  const [first, second] = pods
  t.strictSame(globalCidrs(first, 'eth0'), ['10.244.1.2/24', 'fd00:244:0:1::2/64'])
  t.strictSame(second.addresses, ['10.244.2.2', 'fd00:244:0:2::2'])

  await exchange(t, cluster, pods)
  await largestPacket(t, first, '10.244.2.2', 1450)
  // flanneld writes one MTU, which is that of IPv4. The node tells pods that IPv6 has less.
  await largestPacket(t, first, 'fd00:244:0:2::2', 1430)
  await detachPods(t, cluster, pods)
  await capture.stop()

  const toPeer = 'ip6 and udp dst port 8472 and dst host fd00:9::2'
  const printed = (await capture.packets(toPeer)).join('\n')
  t.match(printed, /^IP6 fd00:9::1\.\d+ > fd00:9::2\.8472: VXLAN, flags \[I\] \S+ vni 1$/m)
  t.match(printed, /^IP6 fd00:244:0:1::2 > fd00:244:0:2::2: ICMP6, echo request/m)
  t.match(printed, /^IP6 fd00:244:0:1::2\.\d+ > fd00:244:0:2::2\.\d+: Flags/m)
  const outside = 'net 10.244.0.0/16 or ip6 net fd00:244::/48'
  t.strictSame(await capture.packets(outside), [], 'nothing travels outside')
  t.strictSame(await capture.packets('greater 1515'), [], 'no frame is too large')
})
