/** Routes to subnets of peers on the same network: without a tunnel, by way of the peer itself. */
import { type Cidr, contains, type Ip } from '../../lib/ip/ip.ts'
import type { Entry } from '../state/entry.ts'
import type { Underlay } from './backend.ts'

export function directRoute(subnet: Cidr, publicIp: Ip, { name }: Underlay): Entry {
  return {
    kind: 'route',
    type: 'unicast',
    dst: subnet,
    gateway: publicIp,
    link: name,
    onlink: false,
  }
}

/**
 * Whether a route is such a one: those to a part of the cluster's network by way of a host, unless a
 * program for routing has made it. Those that no lease explains are of peers that are gone.
 */
export function isDirectRoute(
  entry: Entry,
  networks: readonly Cidr[],
  { name }: Underlay,
): boolean {
  return (
    entry.kind === 'route' &&
    entry.link === name &&
    entry.gateway !== undefined &&
    entry.protocol === undefined &&
    networks.some((network) => contains(network, entry.dst.ip) && entry.dst.prefix > network.prefix)
  )
}
