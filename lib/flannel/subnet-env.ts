/**
 * subnet.env: what flanneld has leased for this node, as lines of KEY=VALUE that it writes to
 * /run/flannel.
 */
import { DetailedError } from '../base/errors.ts'
import {
  type Cidr,
  family,
  formatCidr,
  ipFromValue,
  network,
  parseCidr,
  sameCidr,
} from '../ip/ip.ts'

export interface SubnetEnv {
  /** The networks of the whole cluster, host bits zero: in the order of keys, and of the file. */
  readonly networks: readonly Cidr[]
  /** The subnets of this node, host bits zero: IPv4's key first. At least one. */
  readonly subnets: readonly Cidr[]
  /** Of the pods' interfaces, in bytes. */
  readonly mtu: number
  /** Whether flanneld itself masquerades what leaves the cluster. */
  readonly ipMasq: boolean
}

/**
 * The keys of IPv4, and those of IPv6. A network and a subnet are needed of one family at least.
 * flanneld writes each family by its own keys; a file of somebody else's may have either in both.
 */
const families = [
  { of: 4, networkKey: 'FLANNEL_NETWORK', subnetKey: 'FLANNEL_SUBNET' },
  { of: 6, networkKey: 'FLANNEL_IPV6_NETWORK', subnetKey: 'FLANNEL_IPV6_SUBNET' },
] as const
const mtuKey = 'FLANNEL_MTU'
const ipMasqKey = 'FLANNEL_IPMASQ'

/** What has to be there: of each list one key. */
const required: readonly (readonly string[])[] = [
  families.map(({ networkKey }) => networkKey),
  families.map(({ subnetKey }) => subnetKey),
  [mtuKey],
  [ipMasqKey],
]

/**
 * The text of subnet.env, byte for byte as upstream writes it: each family by its own keys, and of
 * the subnet the address that the bridge gets.
 */
export function formatSubnetEnv({ networks, subnets, mtu, ipMasq }: SubnetEnv): string {
  const lines = families.flatMap(({ of, networkKey, subnetKey }) => {
    const isOf = ({ ip }: Cidr) => family(ip) === of
    return [
      ...line(networkKey, networks.filter(isOf)),
      ...line(subnetKey, subnets.filter(isOf).map(firstHost)),
    ]
  })
  return [...lines, `${mtuKey}=${mtu}`, `${ipMasqKey}=${ipMasq}`, ''].join('\n')
}

function line(key: string, cidrs: readonly Cidr[]): string[] {
  return cidrs.length === 0 ? [] : [`${key}=${cidrs.map(formatCidr).join(',')}`]
}

function firstHost(cidr: Cidr): Cidr {
  const { ip, prefix } = network(cidr)
  return { ip: ipFromValue(family(ip), ip.value + 1n), prefix }
}

interface Entry {
  readonly key: string
  readonly value: string
  /** Where it stands: the file, and the line counted from 1. */
  readonly place: string
}

/** Something is missing that flanneld may still write. */
export class IncompleteSubnetEnv extends DetailedError {
  override readonly name = 'IncompleteSubnetEnv'
}

/**
 * Parses the text of subnet.env; `file` stands in the errors. Throws an `IncompleteSubnetEnv` when
 * something is missing, and a `DetailedError` naming key, line and value when something is malformed.
 */
export function parseSubnetEnv(text: string, file: string): SubnetEnv {
  const entries = parseEntries(text, file)
  const missing = required.filter((keys) => !keys.some((key) => entries.has(key))).flat()
  const [mtu, ipMasq] = [entries.get(mtuKey), entries.get(ipMasqKey)]
  if (missing.length > 0 || mtu === undefined || ipMasq === undefined) {
    throw new IncompleteSubnetEnv(
      `${file} is missing ${missing.join(', ')}`,
      `flanneld writes ${file}; this one is incomplete or was written by something else`,
    )
  }
  return {
    networks: families.flatMap(({ networkKey }) => parseNetworks(entries.get(networkKey))),
    subnets: families.flatMap(({ subnetKey }) => parseSubnet(entries.get(subnetKey))),
    mtu: parseMtu(mtu),
    ipMasq: ipMasq.value === 'true',
  }
}

/** The entries of the keys above; of several with one key the last counts. */
function parseEntries(text: string, file: string): Map<string, Entry> {
  const known = new Set(required.flat())
  const entries = new Map<string, Entry>()
  for (const [index, line] of text.split('\n').entries()) {
    const [key = '', ...rest] = line.trim().split('=')
    if (!known.has(key)) continue
    const place = `${file}: line ${index + 1}`
    if (rest.length === 0) throw malformed(`${place}: ${key} has no "="`)
    entries.set(key, { key, value: rest.join('='), place })
  }
  return entries
}

function parseNetworks(entry: Entry | undefined): Cidr[] {
  if (entry === undefined) return []
  return unique(entry.value.split(',').map((text) => parseNetwork(text, entry)))
}

function parseSubnet(entry: Entry | undefined): Cidr[] {
  return entry === undefined ? [] : [parseNetwork(entry.value, entry)]
}

function parseNetwork(text: string, entry: Entry): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw malformedEntry(entry, `invalid CIDR address: ${text}`)
  return network(cidr)
}

function parseMtu(entry: Entry): number {
  const mtu = Number(entry.value)
  if (/^\d+$/.test(entry.value) && mtu <= 0xffffffff) return mtu
  throw malformedEntry(entry, 'expected a number of bytes')
}

function unique(cidrs: readonly Cidr[]): Cidr[] {
  return cidrs.filter((cidr, index) => cidrs.findIndex((other) => sameCidr(cidr, other)) === index)
}

function malformedEntry({ place, key, value }: Entry, problem: string): DetailedError {
  return malformed(`${place}: ${key}=${value}: ${problem}`)
}

function malformed(message: string): DetailedError {
  const remedy = 'flanneld writes this file; restart flanneld on this node to have it written anew'
  return new DetailedError(message, remedy)
}
