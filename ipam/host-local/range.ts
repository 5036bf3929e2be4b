/** Ranges of addresses, and the order in which a set of them is given out. */
import {
  type Cidr,
  contains,
  family,
  formatIp,
  type Ip,
  ipFromValue,
  sameIp,
} from '../../lib/ip/ip.ts'

/** Addresses `start` to `end`, both included, of one subnet. */
export interface Range {
  readonly subnet: Cidr
  readonly start: Ip
  readonly end: Ip
  /** Never given out. It need not lie in the subnet. */
  readonly gateway: Ip
}

/** Ranges of one family that form one pool; an attachment gets one address of each set. */
export type RangeSet = readonly [Range, ...Range[]]

/** `start-end`. */
export function formatRange({ start, end }: Range): string {
  return `${formatIp(start)}-${formatIp(end)}`
}

/** The ranges, separated by commas. */
export function formatRangeSet(set: RangeSet): string {
  return set.map(formatRange).join(',')
}

/** The range of the set that has the address in it. */
export function rangeFor(set: RangeSet, ip: Ip): Range | undefined {
  return set.find((range) => rangeContains(range, ip))
}

function rangeContains({ subnet, start, end }: Range, ip: Ip): boolean {
  return contains(subnet, ip) && start.value <= ip.value && ip.value <= end.value
}

/** Whether two ranges share an address. */
export function rangesOverlap(a: Range, b: Range): boolean {
  return (
    family(a.start) === family(b.start) &&
    a.start.value <= b.end.value &&
    b.start.value <= a.end.value
  )
}

/** Whether any range of one set shares an address with one of the other. */
export function setsOverlap(a: RangeSet, b: RangeSet): boolean {
  return a.some((range) => b.some((other) => rangesOverlap(range, other)))
}

/** Whether the address is one of the set that can be given out. */
export function isAllocatable(set: RangeSet, ip: Ip): boolean {
  const range = rangeFor(set, ip)
  return range !== undefined && !sameIp(range.gateway, ip)
}

/** How many addresses of the set can be given out. */
export function capacity(set: RangeSet): bigint {
  return set.reduce((sum, range) => {
    const size = range.end.value - range.start.value + 1n
    return sum + (rangeContains(range, range.gateway) ? size - 1n : size)
  }, 0n)
}

/** An address that can be given out, with the range that it is of. */
export interface Candidate {
  readonly ip: Ip
  readonly range: Range
}

/**
 * Every address of the set that can be given out, once, beginning behind `last`: an address is
 * used again only when all others have been. Begins at the first range when the set does not
 * contain `last`.
 */
export function* candidates(set: RangeSet, last: Ip | undefined): Generator<Candidate, void> {
  for (const { range, from, to } of stretches(set, last)) {
    for (let value = from; value <= to; value++) {
      const ip = ipFromValue(family(range.start), value)
      if (!sameIp(ip, range.gateway)) yield { ip, range }
    }
  }
}

interface Stretch {
  readonly range: Range
  readonly from: bigint
  readonly to: bigint
}

/** The parts of the ranges in order: behind `last`, the other ranges, and up to `last`. */
function stretches(set: RangeSet, last: Ip | undefined): Stretch[] {
  const whole = (range: Range) => ({ range, from: range.start.value, to: range.end.value })
  const current = last === undefined ? undefined : rangeFor(set, last)
  if (last === undefined || current === undefined) return set.map(whole)
  const index = set.indexOf(current)
  return [
    { range: current, from: last.value + 1n, to: current.end.value },
    ...set.slice(index + 1).map(whole),
    ...set.slice(0, index).map(whole),
    { range: current, from: current.start.value, to: last.value },
  ]
}
