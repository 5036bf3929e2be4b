/** The interface by which packets between the nodes go, and its addresses. */
import type { Ip } from '../../lib/ip/ip.ts'
import type { Options } from '../options.ts'

export interface ExternalInterface {
  readonly linkIndex: number
  readonly name: string
  /** In bytes, at least 1. */
  readonly mtu: number
  /** The interface's own addresses, of each family that the network has. */
  readonly ipv4?: Ip
  readonly ipv6?: Ip
  /** The addresses at which the other nodes reach this one: another one behind a NAT, for example. */
  readonly publicIpv4?: Ip
  readonly publicIpv6?: Ip
}

/** What the operator says of it. */
export type InterfaceOptions = Pick<
  Options,
  'iface' | 'iface-regex' | 'iface-can-reach' | 'public-ip' | 'public-ipv6'
>
