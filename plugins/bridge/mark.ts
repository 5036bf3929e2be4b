/** What the plugin writes on a bridge, or on its device in a VLAN, as the alias: pure. */
import { type Cidr, formatCidr, parseCidr, sameCidr } from '../../lib/ip/ip.ts'

/** On a bridge that the plugin has made. No network's alias is like it: those have slashes. */
export const madeMark = 'cni'

/** On a bridge that was there before: somebody else's, to which the plugin has added ports. */
export const joinedMark = 'cni joined'

/** Which of the two a mark begins with. */
export type Mark = typeof madeMark | typeof joinedMark

const pattern = /^(cni(?: joined)?)(?: gateway (.*))?$/s

/** IFALIASZ of linux/if.h, without the terminating zero: in bytes. */
const maxAliasBytes = 255

/** What the mark of a link begins with; undefined when it has none. */
export function markIn(alias: string | undefined): Mark | undefined {
  const [, mark] = pattern.exec(alias ?? '') ?? []
  return mark === madeMark || mark === joinedMark ? mark : undefined
}

/** Whether the link's MAC is known to be set for good. */
export function isMarked(alias: string | undefined): boolean {
  return markIn(alias) !== undefined
}

/** Whether the alias is free for a mark: nobody else has written one. */
export function canMark(alias: string | undefined): boolean {
  return alias === undefined || isMarked(alias)
}

/** The addresses that the plugin has given the link, and not somebody else. */
export function markedAddresses(alias: string | undefined): Cidr[] {
  const [, , addresses = ''] = pattern.exec(alias ?? '') ?? []
  return addresses.split(' ').flatMap((text) => parseCidr(text) ?? [])
}

/**
 * The alias of a link with these addresses of ours, the oldest first. Of more than an alias holds,
 * the oldest are left out: they count as somebody else's then, and are never replaced.
 */
export function formatMark(mark: Mark, addresses: readonly Cidr[]): string {
  const once = addresses.filter(
    (address, index) => !addresses.slice(index + 1).some((later) => sameCidr(later, address)),
  )
  if (once.length === 0) return mark
  const alias = `${mark} gateway ${once.map(formatCidr).join(' ')}`
  return alias.length <= maxAliasBytes ? alias : formatMark(mark, once.slice(1))
}
