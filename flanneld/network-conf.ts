/**
 * The configuration of the cluster's network: the value of etcd's key `<prefix>/config`, or the file
 * net-conf.json of Kubernetes. Keys are matched in any case, as Go's decoder does.
 */
import { DetailedError, errorText } from '../lib/base/errors.ts'
import { readValue } from '../lib/cni/schema.ts'
import {
  type Cidr,
  contains,
  family,
  type Family,
  formatCidr,
  formatIp,
  type Ip,
  ipFromValue,
  lastIp,
  network,
  parseCidr,
  parseIp,
} from '../lib/ip/ip.ts'
import { confSchema, type RawNetworkConf } from './network-conf-schema.ts'

export interface NetworkConf {
  /** IPv4 first. At least one. */
  readonly families: readonly FamilyConf[]
  readonly usesNftables: boolean
  readonly backend: BackendConf
}

/** What is configured for one family. */
export interface FamilyConf {
  readonly family: Family
  /** All pods of the cluster; host bits zero. */
  readonly network: Cidr
  /** What the keys about subnets say, which Kubernetes ignores: there podCIDRs decide. */
  readonly subnets: SubnetKeys
}

export interface SubnetKeys {
  /** A prefix length in bits; 0 when it is not configured. */
  readonly length: number
  readonly min: string | undefined
  readonly max: string | undefined
}

export interface BackendConf {
  /** In lower case, as backends are registered. */
  readonly type: string
  /** Its options, as they stand in JSON: each backend reads its own. */
  readonly options: Readonly<Record<string, unknown>>
}

/** The subnets that nodes can have. */
export interface SubnetRange {
  /** Of each subnet, in bits. */
  readonly prefix: number
  /** The first addresses of the first and of the last subnet. */
  readonly min: Ip
  readonly max: Ip
}

/** What differs between the families: names of keys, and limits in bits. */
const traits = {
  4: { infix: '', key: 'Network', enable: 'EnableIPv4', longest: 30, usual: 24, least: 28 },
  6: {
    infix: 'IPv6',
    key: 'IPv6Network',
    enable: 'EnableIPv6',
    longest: 126,
    usual: 64,
    least: 124,
  },
} as const

/**
 * Parses the configuration; `source` stands in errors, e.g. `/coreos.com/network/config`. Throws a
 * `DetailedError` that names the key, what was found, and what is allowed.
 */
export function parseNetworkConf(text: string, source: string): NetworkConf {
  const raw = readRaw(text, source)
  const families = [
    ...(raw.EnableIPv4 === false ? [] : [parseFamily(4, raw, source)]),
    ...(raw.EnableIPv6 === true ? [parseFamily(6, raw, source)] : []),
  ]
  if (families.length === 0) {
    const details = 'set EnableIPv4 or EnableIPv6 to true: there would be no network'
    throw new DetailedError(`${source}: neither IPv4 nor IPv6 is enabled`, details)
  }
  return {
    families,
    usesNftables: raw.EnableNFTables ?? false,
    backend: parseBackend(raw, source),
  }
}

function readRaw(text: string, source: string): RawNetworkConf {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    const example = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
    throw new DetailedError(`${source}: ${errorText(error)}`, `expected JSON, such as ${example}`)
  }
  return readValue(confSchema, value, ({ path, expected, found }) => {
    const what = path === '' ? 'the network configuration' : path
    return new DetailedError(`${source}: ${what} ${expected}`, `found ${found}`)
  })
}

function parseFamily(of: Family, raw: RawNetworkConf, source: string): FamilyConf {
  const { key, enable } = traits[of]
  const text = raw[key] ?? ''
  const cidr = parseCidr(text)
  if (cidr === undefined || family(cidr.ip) !== of) {
    const found = text === '' ? 'is missing' : `is ${JSON.stringify(text)}`
    const example = of === 4 ? '10.244.0.0/16' : 'fd00:10:244::/56'
    throw new DetailedError(
      `${source}: ${key} ${found}`,
      `expected an IPv${of} network such as ${example}, since ${enable} is true`,
    )
  }
  return { family: of, network: network(cidr), subnets: subnetKeys(of, raw) }
}

function subnetKeys(of: Family, raw: RawNetworkConf): SubnetKeys {
  return of === 4
    ? { length: raw.SubnetLen ?? 0, min: raw.SubnetMin, max: raw.SubnetMax }
    : { length: raw.IPv6SubnetLen ?? 0, min: raw.IPv6SubnetMin, max: raw.IPv6SubnetMax }
}

/** Without the key it is udp, as in upstream's code, whatever its documentation says. */
function parseBackend({ Backend }: RawNetworkConf, source: string): BackendConf {
  if (Backend === undefined) return { type: 'udp', options: {} }
  const { Type = '', ...options } = Backend
  if (Type !== '') return { type: Type.toLowerCase(), options }
  throw new DetailedError(
    `${source}: Backend.Type is missing`,
    'expected the name of a backend, such as "vxlan" or "host-gw"',
  )
}

/**
 * The subnets that the configuration leaves to a family's nodes. Throws a `DetailedError` that names
 * the key, what was found, and what is allowed.
 */
export function subnetRange(conf: FamilyConf): SubnetRange {
  const prefix = subnetLength(conf)
  const step = 1n << BigInt(conf.network.ip.bitSize - prefix)
  const of = conf.family
  const last = lastIp(conf.network).value - step + 1n
  // The first subnet would have the network's own address.
  const min = boundary(conf, prefix, 'Min') ?? ipFromValue(of, conf.network.ip.value + step)
  const max = boundary(conf, prefix, 'Max') ?? ipFromValue(of, last)
  if (min.value > max.value) {
    const { infix } = traits[of]
    throw new DetailedError(
      `${infix}SubnetMin ${formatIp(min)} is above ${infix}SubnetMax ${formatIp(max)}`,
      'expected the first of a node’s subnets, and the last',
    )
  }
  return { prefix, min, max }
}

function subnetLength({ family: of, network, subnets }: FamilyConf): number {
  const { infix, key, longest, usual, least } = traits[of]
  const shortest = network.prefix + 2 // four subnets at least
  if (subnets.length === 0) {
    if (network.prefix <= least) return network.prefix <= usual - 2 ? usual : shortest
    throw new DetailedError(
      `${key} ${formatCidr(network)} is too small`,
      `expected a prefix length of at most ${least}, so that each node gets a subnet of its own`,
    )
  }
  if (subnets.length >= shortest && subnets.length <= longest) return subnets.length
  throw new DetailedError(
    `${infix}SubnetLen is ${subnets.length}`,
    `expected ${shortest} to ${longest} in ${formatCidr(network)}`,
  )
}

function boundary(
  { family: of, network: whole, subnets }: FamilyConf,
  prefix: number,
  end: 'Min' | 'Max',
): Ip | undefined {
  const text = end === 'Min' ? subnets.min : subnets.max
  if (text === undefined || text === '') return undefined
  const ip = parseIp(text)
  const isFirst = ip !== undefined && network({ ip, prefix }).ip.value === ip.value
  if (isFirst && contains(whole, ip)) return ip
  throw new DetailedError(
    `${traits[of].infix}Subnet${end} is ${JSON.stringify(text)}`,
    `expected the first address of a /${prefix} inside ${formatCidr(whole)}`,
  )
}
