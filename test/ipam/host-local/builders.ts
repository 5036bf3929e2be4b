import type { RawRange } from '../../../ipam/host-local/conf-schema.ts'
import { parseRangeSets } from '../../../ipam/host-local/range-conf.ts'
import type { RangeSet } from '../../../ipam/host-local/range.ts'
import { type Ip, parseIp } from '../../../lib/ip/ip.ts'

/** The address with this text. */
export function ip(text: string): Ip {
  const parsed = parseIp(text)
  if (parsed === undefined) throw new Error(`${text} is no address`)
  return parsed
}

/** The set of these ranges; a text is the subnet of a range with all defaults. */
export function setOf(...ranges: (RawRange | string)[]): RangeSet {
  const raw = ranges.map((range, index) => ({
    path: `ranges.0.${index}`,
    range: typeof range === 'string' ? { subnet: range } : range,
  }))
  const [set] = parseRangeSets([{ path: 'ranges.0', ranges: raw }])
  if (set === undefined) throw new Error('one set in, none out')
  return set
}
