/**
 * subnet.env: what flanneld has leased for this node, as lines of KEY=VALUE that it writes to
 * /run/flannel.
 */
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { family, network, parseCidr, sameCidr, type Cidr, type Family } from '../../lib/net/ip.ts'

export interface SubnetEnv {
  /** The networks of the whole cluster, host bits zero: IPv4 first, each in the file's order. */
  readonly networks: readonly Cidr[]
  /** The subnets of this node, host bits zero: IPv4 first. At least one. */
  readonly subnets: readonly Cidr[]
  /** Of the pods' interfaces, in bytes. */
  readonly mtu: number
  /** Whether flanneld itself masquerades what leaves the cluster. */
  readonly ipMasq: boolean
}

const networkKeys = ['FLANNEL_NETWORK', 'FLANNEL_IPV6_NETWORK'] as const
const subnetKeys = ['FLANNEL_SUBNET', 'FLANNEL_IPV6_SUBNET'] as const
const mtuKey = 'FLANNEL_MTU'
const ipMasqKey = 'FLANNEL_IPMASQ'

const familyOfKey: Readonly<Record<string, Family>> = {
  FLANNEL_NETWORK: 4,
  FLANNEL_SUBNET: 4,
  FLANNEL_IPV6_NETWORK: 6,
  FLANNEL_IPV6_SUBNET: 6,
}

interface Entry {
  readonly key: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
}

/**
 * Parses the text of subnet.env; `file` stands in the errors. Throws a `CniError`: code 11 when
 * something is missing, which flanneld may still write; code 999 naming key, line and value when
 * something is malformed.
 */
export function parseSubnetEnv(text: string, file: string): SubnetEnv {
  const entries = parseEntries(text, file)
  checkComplete(entries, file)
  const cidrs = (keys: readonly string[]) =>
    keys.flatMap((key) => parseCidrs(entries.get(key), file)).map(network)
  return {
    networks: unique(cidrs(networkKeys)),
    subnets: cidrs(subnetKeys),
    mtu: parseMtu(entries.get(mtuKey), file),
    ipMasq: entries.get(ipMasqKey)?.value === 'true',
  }
}

function parseEntries(text: string, file: string): Map<string, Entry> {
  const known: readonly string[] = [...networkKeys, ...subnetKeys, mtuKey, ipMasqKey]
  const entries = new Map<string, Entry>()
  for (const [index, content] of text.split('\n').entries()) {
    const line = index + 1
    const [key = '', ...rest] = content.trim().split('=')
    if (!known.includes(key)) continue
    if (rest.length === 0) throw malformed(file, { key, value: '', line }, 'has no "="')
    entries.set(key, { key, value: rest.join('='), line })
  }
  return entries
}

function checkComplete(entries: ReadonlyMap<string, Entry>, file: string): void {
  const missing = [networkKeys, subnetKeys, [mtuKey], [ipMasqKey]]
    .filter((keys) => !keys.some((key) => entries.has(key)))
    .flat()
  if (missing.length === 0) return
  throw new CniError(
    ErrorCode.tryAgainLater,
    `${file} is missing ${missing.join(', ')}`,
    `flanneld writes ${file}; this one is incomplete or was written by something else`,
  )
}

function parseCidrs(entry: Entry | undefined, file: string): Cidr[] {
  if (entry === undefined) return []
  const texts = entry.key.endsWith('NETWORK') ? entry.value.split(',') : [entry.value]
  const of = familyOfKey[entry.key]
  return texts.map((text) => {
    const cidr = parseCidr(text)
    if (cidr === undefined || family(cidr.ip) !== of) {
      throw malformed(file, entry, `is no IPv${of} network: invalid CIDR address: ${text}`)
    }
    return cidr
  })
}

function parseMtu(entry: Entry | undefined, file: string): number {
  const value = entry?.value ?? ''
  const mtu = Number(value)
  if (entry === undefined || !/^\d+$/.test(value) || mtu > 0xffffffff) {
    throw malformed(file, entry ?? { key: mtuKey, value, line: 0 }, 'is no number of bytes')
  }
  return mtu
}

function unique(cidrs: readonly Cidr[]): Cidr[] {
  return cidrs.filter((cidr, index) => cidrs.findIndex((other) => sameCidr(cidr, other)) === index)
}

function malformed(file: string, { key, value, line }: Entry, problem: string): CniError {
  return new CniError(
    ErrorCode.internal,
    `${file}: line ${line}: ${key}=${value} ${problem}`,
    `flanneld writes ${file}; restart flanneld on this node to have it written again`,
  )
}
