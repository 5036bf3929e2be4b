/** Hardware addresses that the plugin makes up: locally administered and unicast. */
import type { Context } from '../../lib/cni/plugin.ts'
import { macFromBytes } from '../../lib/net/mac.ts'

/**
 * How the MACs of ports begin: lower than almost any other. A bridge whose MAC nobody has set takes
 * the lowest one of its ports (linux net/bridge/br_stp_if.c, br_stp_recalculate_bridge_id): one
 * that does so shows it with its first port of ours.
 */
const portPrefix = [0x02, 0x00] as const

/** A random MAC. */
export function randomMac({ randomBytes }: Context): string {
  const [first = 0, ...rest] = randomBytes(6)
  return macFromBytes(Uint8Array.of((first & 0xfe) | 0x02, ...rest))
}

/** A random MAC for a port of the bridge. */
export function portMac({ randomBytes }: Context): string {
  return macFromBytes(Uint8Array.of(...portPrefix, ...randomBytes(4)))
}

/** Whether it is the MAC of a port of ours. */
export function isPortMac(mac: string): boolean {
  return mac.startsWith(macFromBytes(Uint8Array.from(portPrefix)))
}

/** Whether it is the MAC of a bridge that has lost its last port before its MAC was set. */
export function isZeroMac(mac: string): boolean {
  return /^(?:00:?)*$/.test(mac)
}
