/** Who holds an address, and how the file of the address says so. */
import type { Attachment } from '../../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'

/**
 * An attachment to the network whose folder the file is in. `ifName` is empty in the files of old
 * versions of host-local, which hold the container ID alone.
 */
export type Owner = Omit<Attachment, 'network'>

/**
 * Holds whatever is in the place of an address file and cannot be read as one, a directory or a
 * symbolic link: it is nobody's, but it is in the way.
 */
export const unknownOwner: Owner = { containerId: '', ifName: '' }

// A container ID as the CNI specification has it; an interface name as the kernel takes it.
const ownerPattern = /^([a-zA-Z0-9][a-zA-Z0-9_.-]*)(?:\r\n([^\s/:\p{Cc}\ufffd]+))?$/u

/** The attachment as an owner; white space around its container ID does not count. */
export function createOwner(containerId: string, ifName: string): Owner {
  return { containerId: containerId.trim(), ifName }
}

/**
 * Throws a `CniError` with code 4 when the file of an address could not name the owner: whoever read
 * it would take it for garbled, and the address for free.
 */
export function checkOwner(owner: Owner): void {
  if (isSameOwner(parseOwner(formatOwner(owner)), owner)) return
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `interface name ${JSON.stringify(owner.ifName)} cannot be kept in a file`,
    'CNI_IFNAME must hold neither control characters nor broken UTF-8',
  )
}

/** The content of an address file. */
export function formatOwner({ containerId, ifName }: Owner): string {
  return `${containerId}\r\n${ifName}`
}

/**
 * Reads the content of an address file. Returns undefined when no host-local has written it like
 * this: it is empty or garbled after a power loss.
 */
export function parseOwner(text: string): Owner | undefined {
  const [, containerId, ifName = ''] = ownerPattern.exec(text.trim()) ?? []
  return containerId === undefined ? undefined : { containerId, ifName }
}

/** Whether `owner`, as a file names it, is the attachment; an old file fits every interface. */
export function isOwnedBy(owner: Owner, attachment: Owner): boolean {
  const sameInterface = owner.ifName === '' || owner.ifName === attachment.ifName
  return owner.containerId === attachment.containerId && sameInterface
}

/** Whether both are the same, an old file's owner only as another one's like it. */
export function isSameOwner(a: Owner | undefined, b: Owner): boolean {
  return a?.containerId === b.containerId && a.ifName === b.ifName
}

/** The owner in words, for messages. */
export function describeOwner({ containerId, ifName }: Owner): string {
  if (containerId === '') return 'something that is no address file'
  const name = `container ${containerId}`
  return ifName === '' ? name : `${name}, interface ${ifName}`
}
