/**
 * A node's lease: its subnets, and what other nodes need to reach them. How it is written, in etcd
 * and in parts in the annotations of Kubernetes, is what all versions of flanneld read and write.
 */
import { DetailedError, errorText } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { type Cidr, family, type Family, formatIp, type Ip, parseIp } from '../ip/ip.ts'

export interface Lease {
  /** Of each family that has one, IPv4 first: its subnet, host bits zero. At least one. */
  readonly subnets: readonly Cidr[]
  readonly attributes: LeaseAttributes
}

export interface LeaseAttributes {
  /** The addresses at which the node takes packets for its subnets. */
  readonly publicIp: Ip | undefined
  readonly publicIpv6: Ip | undefined
  /** Empty for a backend that says nothing: udp and alloc. */
  readonly backendType: string
  /** What the backend tells its peers, as JSON values; undefined for nothing. */
  readonly backendData: unknown
  readonly backendV6Data: unknown
}

/** The subnet of a family, if the lease has one. */
export function subnetOf({ subnets }: Pick<Lease, 'subnets'>, of: Family): Cidr | undefined {
  return subnets.find(({ ip }) => family(ip) === of)
}

/** The attributes as JSON, with the keys in upstream's order; PublicIPv6 is there in any case. */
export function encodeAttributes(attributes: LeaseAttributes): string {
  const { publicIp, publicIpv6, backendType, backendData, backendV6Data } = attributes
  return JSON.stringify({
    PublicIP: publicIp === undefined ? '0.0.0.0' : formatIp(publicIp),
    PublicIPv6: publicIpv6 === undefined ? null : formatIp(publicIpv6),
    ...(backendType !== '' && { BackendType: backendType }),
    ...(backendData !== undefined && { BackendData: backendData }),
    ...(backendV6Data !== undefined && { BackendV6Data: backendV6Data }),
  })
}

/** Reads what `encodeAttributes` writes. Throws a `DetailedError` that names the key. */
export function decodeAttributes(text: string): LeaseAttributes {
  const value = parseObject(text)
  const { PublicIP, PublicIPv6, BackendType, BackendData, BackendV6Data } = value
  return {
    publicIp: readIp('PublicIP', PublicIP, 4),
    publicIpv6: readIp('PublicIPv6', PublicIPv6, 6),
    backendType: readText('BackendType', BackendType),
    backendData: BackendData ?? undefined,
    backendV6Data: BackendV6Data ?? undefined,
  }
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw malformed(errorText(error))
  }
  if (isObject(value)) return value
  throw malformed('it is no object')
}

/** An address of the family; undefined for none, which upstream writes as zeros. */
function readIp(key: string, value: unknown, of: Family): Ip | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const ip = typeof value === 'string' ? parseIp(value) : undefined
  if (ip === undefined || family(ip) !== of) {
    throw malformed(`${key} is ${JSON.stringify(value)}, expected an IPv${of} address`)
  }
  return ip.value === 0n ? undefined : ip
}

function readText(key: string, value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  throw malformed(`${key} is ${JSON.stringify(value)}, expected a string`)
}

function malformed(problem: string): DetailedError {
  const example = '{"PublicIP":"192.0.2.11","PublicIPv6":null,"BackendType":"vxlan"}'
  return new DetailedError(`the lease is malformed: ${problem}`, `expected JSON such as ${example}`)
}
