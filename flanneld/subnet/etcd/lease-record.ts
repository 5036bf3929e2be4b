/** A lease as it stands in etcd: its key says the subnets, its value the rest. */
import { DetailedError } from '../../../lib/base/errors.ts'
import { decodeAttributes, type Lease, type LeaseAttributes } from '../../../lib/flannel/lease.ts'
import { formatSubnetKey, parseSubnetKey } from '../../../lib/flannel/subnet-key.ts'
import { contains, formatIp, network } from '../../../lib/ip/ip.ts'
import type { KeyValue } from './messages.ts'

export interface LeaseRecord {
  readonly kv: KeyValue
  readonly lease: Lease
}

/** A node of which nothing is known. */
const nobody: LeaseAttributes = {
  publicIp: undefined,
  publicIpv6: undefined,
  backendType: '',
  backendData: undefined,
  backendV6Data: undefined,
}

/** The lease of a key below `folder`. Throws a `DetailedError` when key or value is malformed. */
export function readLease(folder: string, kv: KeyValue): Lease {
  const subnets = subnetsOfKey(folder, kv.key)
  if (subnets !== undefined) return { subnets, attributes: decodeAttributes(kv.value) }
  const example = `${folder}10.5.52.0-24`
  throw new DetailedError('the key is not that of a lease', `expected one such as ${example}`)
}

/** All keys that hold subnets. A value that cannot be read says nothing of who has them. */
export function readRecords(folder: string, kvs: readonly KeyValue[]): LeaseRecord[] {
  return kvs.flatMap((kv) => {
    const subnets = subnetsOfKey(folder, kv.key)
    if (subnets === undefined) return []
    return [{ kv, lease: { subnets, attributes: attributesOf(kv) ?? nobody } }]
  })
}

/** What the value says; undefined when it is malformed. */
export function attributesOf({ value }: KeyValue): LeaseAttributes | undefined {
  try {
    return decodeAttributes(value)
  } catch {
    return undefined // for whoever need not know why
  }
}

/** Whether two leases have addresses in common. */
export function overlap(a: Pick<Lease, 'subnets'>, b: Pick<Lease, 'subnets'>): boolean {
  return a.subnets.some((one) => {
    return b.subnets.some((other) => contains(one, other.ip) || contains(other, one.ip))
  })
}

/** Of a key that is written as flanneld writes it: one lease has one key only. */
function subnetsOfKey(folder: string, key: string): Lease['subnets'] | undefined {
  const name = key.startsWith(folder) ? key.slice(folder.length) : ''
  const subnets = parseSubnetKey(name)?.map(network)
  if (subnets === undefined || formatSubnetKey(subnets) !== name) return undefined
  return subnets.every(({ prefix }) => prefix > 0) ? subnets : undefined
}

/** Which node a lease says it is of, for people. */
export function describeOwner({ publicIp, publicIpv6 }: LeaseAttributes): string {
  const addresses = [publicIp, publicIpv6].filter((ip) => ip !== undefined)
  if (addresses.length === 0) return 'a node that does not say who it is'
  return `the node ${addresses.map((ip) => formatIp(ip)).join(', ')}`
}
