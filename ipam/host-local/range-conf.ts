/** Range sets from a configuration: checked, and with nothing left out. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import {
  type Cidr,
  contains,
  family,
  formatCidr,
  formatIp,
  type Ip,
  ipFromValue,
  lastIp,
  network,
  parseCidr,
  parseIp,
  sameCidr,
} from '../../lib/ip/ip.ts'
import type { RawRange } from './conf-schema.ts'
import { formatRange, type Range, type RangeSet, rangesOverlap, setsOverlap } from './range.ts'

/** A range as configured, and the path where it stands in the configuration. */
export interface RawRangeAt {
  readonly path: string
  readonly range: RawRange
}

export interface RawRangeSet {
  readonly path: string
  readonly ranges: readonly RawRangeAt[]
}

/**
 * Reads range sets and fills in what they leave out. Throws a `CniError` with code 7 for the
 * first that is invalid.
 */
export function parseRangeSets(raw: readonly RawRangeSet[]): RangeSet[] {
  return raw.map((set, index) =>
    withPrefix(`invalid range set ${index}: `, () => parseRangeSet(set)),
  )
}

/** Throws a `CniError` with code 7 when two of the sets share addresses. */
export function checkSetsDisjoint(sets: readonly RangeSet[], raw: readonly RawRangeSet[]): void {
  for (const [i, set] of sets.entries()) {
    const j = sets.findIndex((other, index) => index > i && setsOverlap(set, other))
    if (j < 0) continue
    throw invalid(
      `range set ${i} overlaps with ${j}`,
      `${raw[i]?.path} and ${raw[j]?.path} would give out the same addresses; ` +
        'use rangeStart and rangeEnd to divide a subnet between sets',
    )
  }
}

function parseRangeSet({ path, ranges }: RawRangeSet): RangeSet {
  const [first, ...rest] = ranges.map(parseRange)
  if (first === undefined) {
    throw invalid(
      'empty range set',
      `${path} needs at least one range: [{"subnet": "10.1.2.0/24"}]`,
    )
  }
  const set: RangeSet = [first, ...rest]
  if (rest.some((range) => family(range.start) !== family(first.start))) {
    throw invalid(
      'mixed address families',
      `${path} mixes IPv4 and IPv6; write one set for each, and an attachment gets both`,
    )
  }
  for (const [index, range] of set.entries()) {
    const other = set.slice(index + 1).find((next) => rangesOverlap(range, next))
    if (other === undefined) continue
    throw invalid(
      `subnets ${formatRange(range)} and ${formatRange(other)} overlap`,
      `the ranges of ${path} must not share addresses`,
    )
  }
  return set
}

function parseRange({ range: raw, path }: RawRangeAt): Range {
  const subnet = parseSubnet(raw.subnet, path)
  const range: Range = {
    subnet,
    start: parseOptionalIp(raw.rangeStart, `${path}.rangeStart`) ?? next(subnet.ip),
    end: parseOptionalIp(raw.rangeEnd, `${path}.rangeEnd`) ?? defaultEnd(subnet),
    gateway: parseOptionalIp(raw.gateway, `${path}.gateway`) ?? next(subnet.ip),
  }
  const { start, end } = range
  if (!contains(subnet, start) || (contains(subnet, end) && start.value > end.value)) {
    throw invalid(
      `RangeStart ${formatIp(start)} not in network ${formatCidr(subnet)}`,
      `${path}.rangeStart must lie in the subnet and not behind the end, ${formatIp(end)}`,
    )
  }
  if (!contains(subnet, end)) {
    throw invalid(
      `RangeEnd ${formatIp(end)} not in network ${formatCidr(subnet)}`,
      `${path}.rangeEnd must lie in the subnet`,
    )
  }
  return range
}

function parseSubnet(text: string | undefined, path: string): Cidr {
  if (text === undefined) {
    throw invalid('IP <nil> not v4 nor v6', `${path} needs a "subnet" such as "10.1.2.0/24"`)
  }
  const at = `${path}.subnet is ${JSON.stringify(text)}`
  if (isMapped(text)) throw invalid('IPNet IP and Mask version mismatch', `${at}; write it as IPv4`)
  const subnet = parseCidr(text)
  if (subnet === undefined) {
    throw invalid(`invalid CIDR address: ${text}`, `${at}; a subnet reads like 10.1.2.0/24`)
  }
  if (subnet.prefix > subnet.ip.bitSize - 2) {
    throw invalid(
      `Network ${formatCidr(subnet)} too small to allocate from`,
      `${at}; the longest prefix is /${subnet.ip.bitSize - 2}`,
    )
  }
  const canonical = network(subnet)
  if (sameCidr(canonical, subnet)) return subnet
  throw invalid(
    `Network has host bits set. For a subnet mask of length ${subnet.prefix} ` +
      `the network address is ${formatIp(canonical.ip)}`,
    `${at}; write ${formatCidr(canonical)}`,
  )
}

/** Whether a prefix is an IPv4 network written as IPv4-mapped IPv6. */
function isMapped(text: string): boolean {
  const [address = ''] = text.split('/', 1)
  const ip = parseIp(address)
  return ip !== undefined && family(ip) === 4 && address.includes(':')
}

function parseOptionalIp(text: string | undefined, path: string): Ip | undefined {
  if (text === undefined || text === '') return undefined
  const ip = parseIp(text)
  if (ip === undefined) throw invalid(`invalid IP address: ${text}`, `found at ${path}`)
  return ip
}

function next(ip: Ip): Ip {
  return ipFromValue(family(ip), ip.value + 1n)
}

/** The last address of the subnet, in IPv4 the one before it: that is the broadcast address. */
function defaultEnd(subnet: Cidr): Ip {
  const last = lastIp(subnet)
  return family(last) === 4 ? ipFromValue(4, last.value - 1n) : last
}

function invalid(message: string, details: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
