/**
 * IP addresses and prefixes as values, by ip-num, with the strictness and the spelling that the
 * Go plugins have: what they refuse is refused, and what they print is printed, because addresses
 * are file names in the store that both share.
 */
import { IPv4, IPv6 } from 'ip-num'

/** One address; `value` is the number, `bitSize` 32 or 128. */
export type Ip = IPv4 | IPv6

export type Family = 4 | 6

/** An address with a prefix length in bits. The host bits of `ip` are kept as given. */
export interface Cidr {
  readonly ip: Ip
  readonly prefix: number
}

const ipv4Pattern = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const hextetPattern = /^[0-9a-f]{1,4}$/i
const mappedPrefix = 0xffffn << 32n

/** 4 or 6. */
export function family(ip: Ip): Family {
  return ip.bitSize === 32 ? 4 : 6
}

/** The address with this number; throws a `RangeError` when the family cannot hold it. */
export function ipFromValue(of: Family, value: bigint): Ip {
  const bits = of === 4 ? 32n : 128n
  if (value < 0n || value >> bits !== 0n) {
    throw new RangeError(`${value} is not an IPv${of} address: it needs more than ${bits} bits`)
  }
  return of === 4 ? IPv4.fromNumber(value) : IPv6.fromBigInt(value)
}

/**
 * Parses an address as Go's net.ParseIP does: no leading zeros in IPv4 octets, no zone, and an
 * IPv4-mapped IPv6 address is the IPv4 address. Returns undefined for anything else.
 */
export function parseIp(text: string): Ip | undefined {
  if (ipv4Pattern.test(text)) return IPv4.fromString(text)
  const value = parseIpv6Value(text)
  if (value === undefined) return undefined
  return value >> 32n === mappedPrefix >> 32n
    ? IPv4.fromNumber(value & 0xffffffffn)
    : IPv6.fromBigInt(value)
}

/** The 128-bit value of an IPv6 text (RFC 4291 section 2.2), or undefined. */
function parseIpv6Value(text: string): bigint | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const headWords = words(head ?? [], tail === undefined)
  const tailWords = words(tail ?? [], true)
  if (headWords === undefined || tailWords === undefined) return undefined
  const missing = 8 - headWords.length - tailWords.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const all = [...headWords, ...Array<number>(missing).fill(0), ...tailWords]
  return all.reduce((value, word) => (value << 16n) | BigInt(word), 0n)
}

/** The 16-bit words of colon-separated parts; only the very last may be dotted IPv4. */
function words(parts: string[], atEnd: boolean): number[] | undefined {
  const out: number[] = []
  for (const [index, part] of parts.entries()) {
    if (hextetPattern.test(part)) {
      out.push(parseInt(part, 16))
    } else if (atEnd && index === parts.length - 1 && ipv4Pattern.test(part)) {
      const value = Number(IPv4.fromString(part).value)
      out.push(value >>> 16, value & 0xffff)
    } else {
      return undefined
    }
  }
  return out
}

/** The text of an address: dotted for IPv4, RFC 5952 for IPv6. */
export function formatIp(ip: Ip): string {
  if (family(ip) === 4) return ip.toString()
  const hextets = Array.from({ length: 8 }, (_, i) =>
    Number((ip.value >> BigInt(112 - 16 * i)) & 0xffffn),
  )
  const zeros = longestZeroRun(hextets)
  const hex = (words: number[]) => words.map((word) => word.toString(16)).join(':')
  if (zeros.length < 2) return hex(hextets)
  return `${hex(hextets.slice(0, zeros.start))}::${hex(hextets.slice(zeros.start + zeros.length))}`
}

function longestZeroRun(hextets: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (let end = 0; end <= hextets.length; end++) {
    if (hextets[end] === 0) continue
    if (end - start > best.length) best = { start, length: end - start }
    start = end + 1
  }
  return best
}

/** Parses `address/prefix`, host bits kept, or returns undefined. */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const address = text.slice(0, slash)
  const ip = parseIp(address)
  const length = text.slice(slash + 1)
  if (ip === undefined || !/^\d+$/.test(length)) return undefined
  const written = address.includes(':') ? 128 : 32
  const prefix = Number(length) - (written - ip.bitSize)
  return Number(length) > written || prefix < 0 ? undefined : { ip, prefix }
}

/** `address/prefix`. */
export function formatCidr({ ip, prefix }: Cidr): string {
  return `${formatIp(ip)}/${prefix}`
}

/** The same prefix with all host bits zero. */
export function network({ ip, prefix }: Cidr): Cidr {
  const hostBits = BigInt(ip.bitSize - prefix)
  return { ip: ipFromValue(family(ip), (ip.value >> hostBits) << hostBits), prefix }
}

/** The last address of the prefix: the broadcast address in IPv4. */
export function lastIp({ ip, prefix }: Cidr): Ip {
  const hostBits = BigInt(ip.bitSize - prefix)
  return ipFromValue(family(ip), ip.value | ((1n << hostBits) - 1n))
}

/** Whether `ip` is of the prefix's family and lies inside it. */
export function contains(cidr: Cidr, ip: Ip): boolean {
  if (ip.bitSize !== cidr.ip.bitSize) return false
  const hostBits = BigInt(ip.bitSize - cidr.prefix)
  return ip.value >> hostBits === cidr.ip.value >> hostBits
}

/** Whether one of the networks holds the address. */
export function isInside(networks: readonly Cidr[], ip: Ip): boolean {
  return networks.some((cidr) => contains(cidr, ip))
}

/** Whether two addresses are the same address of the same family. */
export function sameIp(a: Ip, b: Ip): boolean {
  return a.bitSize === b.bitSize && a.value === b.value
}

/** Whether two prefixes hold the same address and the same length. */
export function sameCidr(a: Cidr, b: Cidr): boolean {
  return a.prefix === b.prefix && sameIp(a.ip, b.ip)
}

/** The address in network byte order: 4 or 16 bytes. */
export function ipToBytes(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(ip.bitSize / 8)
  let rest = ip.value
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}

/** The address in 4 or 16 bytes of network byte order; throws a `RangeError` for other lengths. */
export function ipFromBytes(bytes: Uint8Array): Ip {
  if (bytes.length !== 4 && bytes.length !== 16) {
    throw new RangeError(`an IP address has 4 or 16 bytes, got ${bytes.length}`)
  }
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
  return ipFromValue(bytes.length === 4 ? 4 : 6, value)
}
