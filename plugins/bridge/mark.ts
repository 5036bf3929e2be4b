/** What the plugin writes on a bridge, or on its device in a VLAN, as the alias: pure. */
import { type Cidr, formatCidr, parseCidr, sameCidr } from '../../lib/ip/ip.ts'

/** No network's alias is like it: those have slashes. */
const mark = 'cni'
const gatewayMark = `${mark} gateway `

/** IFALIASZ of linux/if.h, without the terminating zero: in bytes. */
const maxAliasBytes = 255

/** Whether the link's MAC is known to be set for good. */
export function isMarked(alias: string | undefined): boolean {
  return alias === mark || (alias?.startsWith(gatewayMark) ?? false)
}

/** Whether the alias is free for a mark: nobody else has written one. */
export function canMark(alias: string | undefined): boolean {
  return alias === undefined || isMarked(alias)
}

/** The addresses that the plugin has given the link, and not somebody else. */
export function markedAddresses(alias: string | undefined): Cidr[] {
  if (!alias?.startsWith(gatewayMark)) return []
  const texts = alias.slice(gatewayMark.length).split(' ')
  return texts.flatMap((text) => parseCidr(text) ?? [])
}

/**
 * The mark of a link with these addresses of ours, the oldest first. Of more than an alias holds,
 * the oldest are left out: they count as somebody else's then, and are never replaced.
 */
export function markOf(addresses: readonly Cidr[]): string {
  const once = addresses.filter(
    (address, index) => !addresses.slice(index + 1).some((later) => sameCidr(later, address)),
  )
  if (once.length === 0) return mark
  const alias = gatewayMark + once.map(formatCidr).join(' ')
  return alias.length <= maxAliasBytes ? alias : markOf(once.slice(1))
}
