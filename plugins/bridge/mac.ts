/** Hardware addresses that the plugin makes up: locally administered and unicast. */
import { sha512 } from '../../lib/base/sha512.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { macFromBytes } from '../../lib/ip/mac.ts'

/** A random MAC. */
export function randomMac({ randomBytes }: Context): string {
  return localMac(randomBytes(6))
}

/** The MAC that belongs to a text: always the same for the same one. */
export function seededMac(seed: string): string {
  return localMac(Uint8Array.fromHex(sha512(seed).slice(0, 12)))
}

function localMac([first = 0, ...rest]: Uint8Array): string {
  return macFromBytes(Uint8Array.of((first & 0xfe) | 0x02, ...rest))
}

/** Whether it is the MAC of a bridge that has lost its last port before its MAC was set. */
export function isZeroMac(mac: string): boolean {
  return /^(?:00:?)*$/.test(mac)
}
