/** What the agent wants of those who hand out subnets: etcd, or Kubernetes. */
import type { Lease, LeaseAttributes } from '../../lib/flannel/lease.ts'
import type { Cidr } from '../../lib/ip/ip.ts'
import type { NetworkConf } from '../network-conf.ts'

export interface SubnetManager {
  /**
   * The network configuration; waits for one that is there and valid, and logs what is wrong with
   * what is there. Rejects when the signal is aborted, or when waiting is of no use.
   */
  networkConf(signal: AbortSignal): Promise<NetworkConf>
  /**
   * What this node has told its peers before, as far as its public addresses say which lease is its
   * own; undefined for nothing. So the MAC of a device outlives a reboot.
   */
  storedAttributes(addresses: PublicAddresses): Promise<LeaseAttributes | undefined>
  /** Takes a lease for this node; rejects when it gets none. */
  acquire(demand: LeaseDemand, signal: AbortSignal): Promise<Lease>
  /** Tells the peers something else than when the lease was acquired. */
  publish(attributes: LeaseAttributes): Promise<void>
  /**
   * Keeps the acquired lease. Resolves when the signal is aborted; rejects when another node has
   * taken it.
   */
  keep(signal: AbortSignal): Promise<void>
  /**
   * The leases of the other nodes: first all, then what changes. Goes on over lost connections, and
   * ends when the signal is aborted.
   */
  watch(signal: AbortSignal): AsyncIterable<LeaseChange>
}

/** The addresses at which the other nodes reach this one. */
export type PublicAddresses = Pick<LeaseAttributes, 'publicIp' | 'publicIpv6'>

export interface LeaseDemand {
  readonly conf: NetworkConf
  readonly attributes: LeaseAttributes
  /** The subnets that this node had before, by its subnet.env. */
  readonly previous: readonly Cidr[]
}

/** What has become of the leases of other nodes, each known by a key that is its own. */
export type LeaseChange =
  | { readonly kind: 'all'; readonly leases: ReadonlyMap<string, Lease> }
  | { readonly kind: 'put'; readonly key: string; readonly lease: Lease }
  | { readonly kind: 'removed'; readonly key: string }
