/** What the choice of the external interface is made from. */
import type { Family, Ip } from '../../lib/ip/ip.ts'
import type { LinkAddress } from '../../lib/net/address.ts'

export interface Observation {
  /** In the order of their indexes. */
  readonly links: readonly ObservedLink[]
  readonly defaultRoutes: readonly DefaultRoute[]
  /** Of the address of --iface-can-reach: the way to it; undefined when there is none. */
  readonly reach?: Reach | undefined
}

export interface ObservedLink {
  readonly index: number
  readonly name: string
  /** In bytes. */
  readonly mtu: number
  /** Of both families, in the order of the kernel. */
  readonly addresses: readonly ObservedAddress[]
}

export type ObservedAddress = Pick<
  LinkAddress,
  'cidr' | 'permanent' | 'temporary' | 'deprecated' | 'dadFailed'
>

/** A default route of the main table. */
export interface DefaultRoute {
  readonly family: Family
  readonly linkIndex: number
  readonly metric: number
}

export interface Reach {
  readonly linkIndex: number
  readonly source?: Ip | undefined
}
