/** The last part of a lease's key in etcd: `10.5.52.0-24`, or `10.5.52.0-24&fd00:12:13::-56`. */
import { type Cidr, family, formatIp, parseIp } from '../ip/ip.ts'

const pattern = /(?:^|\/)(\d+\.\d+\.\d+\.\d+)-(\d+)(?:&([\da-f:]+)-(\d+))?$/

/** The longest prefix that a subnet can have, in bits. */
const longest = { 4: 31, 6: 127 } as const

/** The key of a lease with these subnets, IPv4 first. */
export function formatSubnetKey(subnets: readonly Cidr[]): string {
  return subnets.map(({ ip, prefix }) => `${formatIp(ip)}-${prefix}`).join('&')
}

/** The subnets of a key, IPv4 first; undefined for what is no lease's. IPv6 alone is none. */
export function parseSubnetKey(key: string): Cidr[] | undefined {
  const [, ipv4, ipv4Length, ipv6, ipv6Length] = pattern.exec(key) ?? []
  const first = parseSubnet(ipv4, ipv4Length, 4)
  if (first === undefined) return undefined
  if (ipv6 === undefined) return [first]
  const second = parseSubnet(ipv6, ipv6Length, 6)
  return second && [first, second]
}

function parseSubnet(
  text: string | undefined,
  length: string | undefined,
  of: 4 | 6,
): Cidr | undefined {
  const ip = text === undefined ? undefined : parseIp(text)
  const prefix = Number(length)
  if (ip === undefined || family(ip) !== of || prefix > longest[of]) return undefined
  return { ip, prefix }
}
