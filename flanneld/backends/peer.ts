/** What backends read in the lease of a peer. */
import { DetailedError, fullText } from '../../lib/base/errors.ts'
import type { Lease } from '../../lib/flannel/lease.ts'
import { type Cidr, contains, family, type Family, formatCidr, type Ip } from '../../lib/ip/ip.ts'
import type { Entry } from '../state/entry.ts'
import type { Node, PeerState } from './backend.ts'

/** The address at which the peer takes packets of a family. Throws a `DetailedError` without one. */
export function publicIpOf({ attributes }: Lease, of: Family): Ip {
  const ip = of === 4 ? attributes.publicIp : attributes.publicIpv6
  if (ip !== undefined) return ip
  const key = of === 4 ? 'PublicIP' : 'PublicIPv6'
  throw new DetailedError(`${key} is missing`, `expected an IPv${of} address of the node`)
}

/**
 * What it takes to reach the subnets of a peer, each for itself: what is wrong with one keeps none
 * of the others from being reached. Subnets of a family that this node does not have are left out.
 */
export function eachSubnet(
  node: Node,
  { subnets }: Lease,
  entriesFor: (subnet: Cidr) => readonly Entry[],
): PeerState {
  const families = new Set(node.networks.map(({ ip }) => family(ip)))
  const entries: Entry[] = []
  const problems: string[] = []
  for (const subnet of subnets) {
    if (!families.has(family(subnet.ip))) continue
    try {
      requireHarmless(node, subnet)
      entries.push(...entriesFor(subnet))
    } catch (error) {
      problems.push(`${formatCidr(subnet)} cannot be reached: ${fullText(error)}`)
    }
  }
  return { entries, problems }
}

/** Throws when a route to the subnet would take packets that are for this node, or for all nodes. */
function requireHarmless({ subnets, underlay }: Node, subnet: Cidr): void {
  const own =
    subnets.find(({ ip }) => contains(subnet, ip)) ??
    subnets.find((each) => contains(each, subnet.ip))
  if (own !== undefined) {
    const remedy = 'one of the two leases is wrong: delete it, and restart flanneld on its node'
    throw new DetailedError(`it overlaps this node’s own ${formatCidr(own)}`, remedy)
  }
  const taken = underlay.prefixes.find(({ ip }) => contains(subnet, ip))
  if (taken === undefined) return
  const remedy = 'delete the lease, and choose a Network that the nodes themselves are not in'
  throw new DetailedError(`it holds ${formatCidr(taken)} of ${underlay.name}`, remedy)
}
