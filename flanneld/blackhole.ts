/** `--ip-blackhole-route`: what is for no pod of this node goes nowhere, and not back to a router. */
import type { Cidr } from '../lib/ip/ip.ts'
import type { Entry } from './state/entry.ts'

/**
 * Any route to the subnet that somebody else makes comes first, such as that of a bridge: so these
 * are always there, where upstream waits until there is no other.
 */
const priority = 100_000

export function blackholeRoutes(subnets: readonly Cidr[]): Entry[] {
  return subnets.map((dst) => ({ kind: 'route', type: 'blackhole', dst, onlink: false, priority }))
}
