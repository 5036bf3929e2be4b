/** What pods on two nodes of a cluster must be able to do, whatever joins the nodes. */
import type { Test } from 'tap'
import { getSysctl } from '../../scripts/lab/node.ts'
import { type Cluster, type ClusterNode, type Lease, vxlanDevice, wire } from './cluster.ts'
import { type AttachedPod, attachPod, cni, leftovers } from './flannel-node.ts'
import { addresses, reaches, type Route, routes } from './ip.ts'
import { pingUnfragmented } from './ping.ts'
import { transfer } from './tcp.ts'

/** A pod on each node. */
export type Pods = readonly [AttachedPod, AttachedPod]

const forwarding = { 4: 'net/ipv4/ip_forward', 6: 'net/ipv6/conf/all/forwarding' } as const
const tenMegabytes = 10_000_000

/** Attaches a pod on each node, which has the node forward packets of every family it leased. */
export async function attachPods(t: Test, cluster: Cluster): Promise<Pods> {
  for (const node of cluster) t.strictSame(forwarded(node), [], 'the node does not forward yet')
  const [one, two] = cluster
  const pods = [await attachPod(one), await attachPod(two)] as const
  for (const node of cluster) {
    t.strictSame(forwarded(node), node.leases, 'the node forwards for its pods')
    const tentative = addresses(node, 'cni0').filter((address) => address.tentative)
    t.strictSame(tentative, [], 'the gateway asks for the MACs of pods at once')
  }
  return pods
}

/** The leases whose family the node forwards packets of. */
function forwarded(node: ClusterNode): Lease[] {
  return node.leases.filter(({ family }) => getSysctl(node, forwarding[family]) === '1')
}

/** Has the pods ping each other, the first node ping the second pod, and 10 MB go by TCP. */
export async function exchange(t: Test, [one]: Cluster, pods: Pods): Promise<void> {
  const [first, second] = pods
  for (const [index, address] of second.addresses.entries()) {
    t.ok(await reaches(first, address), `the first pod reaches ${address}`)
    t.ok(await reaches(one, address), `the first node reaches ${address}`)
    const own = first.addresses[index] ?? ''
    t.ok(await reaches(second, own), `the second pod reaches ${own}`)
    const { sent, received } = await transfer(first, second, address, tenMegabytes)
    t.match(sent, new RegExp(`^${tenMegabytes} `))
    t.equal(received, sent, `what ${address} receives is what was sent`)
  }
}

/** Checks that `length` bytes are the most that a packet to an address can have. */
export async function largestPacket(
  t: Test,
  pod: AttachedPod,
  address: string,
  length: number,
): Promise<void> {
  const fits = await pingUnfragmented(pod, address, length)
  t.equal(fits.code, 0, `a packet of ${length} bytes passes to ${address}`)
  const { code, stdout, stderr } = await pingUnfragmented(pod, address, length + 1)
  t.not(code, 0)
  t.match(
    stdout + stderr,
    new RegExp(`too (long|big).*mtu[:=] ?${length}`),
    'a larger one does not',
  )
}

/** Checks the attachments, and deletes them: nothing of them is left, and what flanneld made is. */
export async function detachPods(t: Test, cluster: Cluster, pods: Pods): Promise<void> {
  for (const [index, node] of cluster.entries()) {
    const { netns = '' } = pods[index] ?? {}
    t.match(await cni(node, 'check', 'cbr0', netns), { code: 0, stderr: '' })
    const before = flanneldRoutes(node)
    t.match(await cni(node, 'del', 'cbr0', netns), { code: 0, stdout: '', stderr: '' })
    t.strictSame(leftovers(node), [], 'nothing is left')
    t.strictSame(flanneldRoutes(node), before, 'the routes to the other node stay')
  }
}

function flanneldRoutes(node: ClusterNode): Route[] {
  const devices: readonly string[] = [wire, ...Object.values(vxlanDevice)]
  const all = node.leases.flatMap(({ family }) => routes(node, family))
  return all.filter(({ dev }) => devices.includes(dev))
}
