/** What the host's end of an attachment is called, and what is written on it: pure. */
import type { Attachment } from '../../lib/cni/attachment.ts'
import type { Context } from '../../lib/cni/plugin.ts'

/** IFALIASZ of linux/if.h, without the terminating zero: in bytes. */
const maxAliasBytes = 255

/** What the names of host ends begin with, those of the Go plugins too. */
export const hostVethPrefix = 'veth'

/**
 * The name that the host's end of an attachment has, unless another attachment's is the same: the
 * kernel needs it to be unique, and a repeated ADD or a DEL without a sandbox finds it by this.
 */
export function hostVethName({ containerId, ifName }: Omit<Attachment, 'network'>): string {
  return `${hostVethPrefix}${hash(`${containerId}:${ifName}`)}`
}

/** A name as the Go plugins choose it. */
export function randomVethName({ randomBytes }: Context): string {
  return `${hostVethPrefix}${randomBytes(4).toHex()}`
}

/**
 * What the host's end is marked with, as its alias, when the attachment is complete: an end with
 * the name of an attachment and without its alias is left from an ADD that was interrupted. An
 * alias that would be too long for the kernel ends with its hash.
 */
export function hostVethAlias({ network, containerId, ifName }: Attachment): string {
  const alias = `${network}/${containerId}/${ifName}`
  if (Buffer.byteLength(alias) <= maxAliasBytes) return alias
  // Before the interface's name, of 15 bytes at most, there are ASCII characters only.
  return `${alias.slice(0, maxAliasBytes - 15)}/${hash(alias)}`
}

/** The 32-bit FNV-1a hash of a text. Loading node:crypto for a better one takes 6 ms. */
function hash(text: string): string {
  const value = Buffer.from(text).reduce(
    (state, byte) => Math.imul(state ^ byte, 0x01000193),
    0x811c9dc5,
  )
  return (value >>> 0).toString(16).padStart(8, '0')
}
