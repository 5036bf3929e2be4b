/** Which subnets a node takes, where it is not told: pure. */
import { DetailedError } from '../../lib/base/errors.ts'
import { type Lease, subnetOf } from '../../lib/flannel/lease.ts'
import {
  type Cidr,
  contains,
  family,
  type Family,
  formatCidr,
  formatIp,
  type Ip,
  ipFromValue,
  network,
  sameCidr,
  sameIp,
} from '../../lib/ip/ip.ts'
import type { SubnetRange } from '../network-conf.ts'

/** So many free subnets are looked for; nodes that start at once choose among them at random. */
const maxCandidates = 100

export interface Demand {
  /** What the configuration leaves to nodes, of each family that is enabled: IPv4 first. */
  readonly ranges: readonly FamilyRange[]
  /** By which the node knows its lease again. */
  readonly publicIp: Ip
  /** What subnet.env says that the node had before. */
  readonly previous: readonly Cidr[]
  /** All leases that there are, in the order of their keys. */
  readonly leases: readonly Lease[]
}

export interface FamilyRange extends SubnetRange {
  readonly family: Family
}

export interface Choice {
  readonly subnets: readonly Cidr[]
  /** The node's lease that has them, when it has one. */
  readonly lease?: Lease
  /** The node's lease that the configuration does not allow any more. */
  readonly outdated?: Lease
}

/**
 * The subnets for a node: those of its lease, or those that it had before, or free ones. `random`
 * gives whole numbers from 0 to below its argument. Throws a `DetailedError` when none is left.
 */
export function chooseSubnets(demand: Demand, random: (below: number) => number): Choice {
  const { ranges, publicIp, previous, leases } = demand
  const own = leases.find(({ attributes }) => {
    return attributes.publicIp !== undefined && sameIp(attributes.publicIp, publicIp)
  })
  if (own !== undefined && isCompatible(own.subnets, ranges)) {
    return { subnets: own.subnets, lease: own }
  }
  const others = leases.filter((lease) => lease !== own)
  const outdated = own && { outdated: own }
  const before = previous.map(network)
  if (isCompatible(before, ranges) && !before.some((subnet) => isTaken(subnet, others))) {
    return { subnets: before, ...outdated }
  }
  return { subnets: ranges.map((range) => choose(range, others, random)), ...outdated }
}

/** Whether a node may have the subnets: one of each family that is enabled, of the right length. */
export function isCompatible(subnets: readonly Cidr[], ranges: readonly FamilyRange[]): boolean {
  return (
    subnets.length === ranges.length &&
    ranges.every((range) => {
      const subnet = subnetOf({ subnets }, range.family)
      return subnet !== undefined && isInRange(subnet, range)
    })
  )
}

function isInRange(subnet: Cidr, { prefix, min, max }: FamilyRange): boolean {
  const { ip } = network(subnet)
  return subnet.prefix === prefix && ip.value >= min.value && ip.value <= max.value
}

function choose(
  range: FamilyRange,
  leases: readonly Lease[],
  random: (below: number) => number,
): Cidr {
  const free = freeSubnets(range, leases)
  const chosen = free[random(free.length)]
  if (chosen !== undefined) return chosen
  const { prefix, min, max } = range
  throw new DetailedError(
    `out of subnets: every /${prefix} from ${formatIp(min)} to ${formatIp(max)} is leased`,
    'remove leases of nodes that are gone, or configure a larger Network or a longer SubnetLen',
  )
}

/** The first free subnets, in their order. */
function freeSubnets(
  { family: of, prefix, min, max }: FamilyRange,
  leases: readonly Lease[],
): Cidr[] {
  const step = 1n << BigInt(min.bitSize - prefix)
  // As numbers: there may be thousands of leases, and a search of all for each candidate is slow.
  const taken = new Set<bigint>()
  const wider: Cidr[] = []
  for (const lease of leases) {
    const subnet = subnetOf(lease, of)
    if (subnet === undefined) continue
    if (subnet.prefix < prefix) wider.push(subnet)
    else taken.add(subnet.ip.value / step)
  }
  const free: Cidr[] = []
  for (let value = min.value; value <= max.value && free.length < maxCandidates; value += step) {
    const ip = ipFromValue(of, value)
    if (!taken.has(value / step) && !wider.some((each) => contains(each, ip)))
      free.push({ ip, prefix })
  }
  return free
}

function isTaken(subnet: Cidr, leases: readonly Lease[]): boolean {
  const of = family(subnet.ip)
  return leases.some((lease) => {
    const other = subnetOf(lease, of)
    if (other === undefined) return false
    return sameCidr(other, subnet) || contains(other, subnet.ip) || contains(subnet, other.ip)
  })
}

/** The subnets as people read them, e.g. `10.5.52.0/24 and fd00:12:13::/56`. */
export function describeSubnets(subnets: readonly Cidr[]): string {
  return subnets.map(formatCidr).join(' and ')
}
