/** Which of a link's addresses other nodes can use, and which of these is the best one. */
import { type Cidr, contains, type Family, family, type Ip, ipFromValue } from '../../lib/ip/ip.ts'
import { multicast } from '../../lib/ip/well-known.ts'
import type { ObservedAddress } from './observation.ts'

const linkLocal: Readonly<Record<Family, Cidr>> = {
  4: { ip: ipFromValue(4, 0xa9fe_0000n), prefix: 16 }, // 169.254.0.0
  6: { ip: ipFromValue(6, 0xfe80n << 112n), prefix: 10 }, // fe80::
}

/** Nobody else reaches these, or nobody in particular has them. */
const unusable: Readonly<Record<Family, readonly Cidr[]>> = {
  4: [
    { ip: ipFromValue(4, 0n), prefix: 8 },
    { ip: ipFromValue(4, 0x7f00_0000n), prefix: 8 }, // 127.0.0.0
    multicast[4],
  ],
  6: [{ ip: ipFromValue(6, 0n), prefix: 127 }, multicast[6]], // :: and ::1
}

/**
 * The addresses of a family that can be used, the best one first: global before link-local,
 * permanent before dynamic, lasting before temporary, and else as the kernel has them. Without those
 * that are deprecated, or of which another host has turned out to be the owner.
 */
export function usableIps(addresses: readonly ObservedAddress[], of: Family): Ip[] {
  const usable = addresses.filter(
    ({ cidr, deprecated, dadFailed }) =>
      family(cidr.ip) === of &&
      !deprecated &&
      !dadFailed &&
      !unusable[of].some((range) => contains(range, cidr.ip)),
  )
  return usable.sort((a, b) => demerits(a) - demerits(b)).map(({ cidr }) => cidr.ip)
}

/** Whether an address is good for one link only. */
export function isLinkLocal(ip: Ip): boolean {
  return contains(linkLocal[family(ip)], ip)
}

function demerits({ cidr, permanent, temporary }: ObservedAddress): number {
  return (isLinkLocal(cidr.ip) ? 4 : 0) + (permanent ? 0 : 2) + (temporary ? 1 : 0)
}
