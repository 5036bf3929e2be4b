/**
 * What is remembered of an attachment beside the files that Go's host-local has: a symbolic link in
 * the same folder, whose name is the attachment and whose target, as JSON, its addresses and its
 * sandbox. One system call makes it whole, it is found without a search, and it leads nowhere: Go's
 * host-local can neither read an owner in it nor take its name for an address.
 */
import { isObject } from '../../lib/base/json.ts'
import { parseIp } from '../../lib/ip/ip.ts'
import type { Machine } from './machine.ts'
import type { Owner } from './owner.ts'

/** The sandbox of an attachment, as far as it was known at ADD. */
export interface Sandbox {
  /** The boot that it was made in: boot_id of random(4). Empty when that is not known. */
  readonly bootId: string
  /** The absolute path of its network namespace; empty when there was nothing at that path. */
  readonly netns: string
  /** The inode number of the namespace: no two of a machine that exist have the same. */
  readonly netnsInode: number
  /** What no other namespace gets in the same boot, as the inode number may; absent when not known. */
  readonly netnsCookie?: string
  /** The machine that it is on, in a folder that several may have, and if that is known. */
  readonly machine?: Machine
}

/** A sandbox of which only the boot is known. */
export function unknownSandbox(bootId: string): Sandbox {
  return { bootId, netns: '', netnsInode: 0 }
}

export interface Reservation {
  readonly sandbox: Sandbox
  /**
   * When the file of each address was written, in ms since the epoch: a file of the same attachment
   * with another time is of another reservation, which Go's host-local has made.
   */
  readonly writtenMs: ReadonlyMap<string, number>
}

// Neither a container ID nor the name of an interface has a blank in it (CNI specification, 2).
const namePattern = /^\.([a-zA-Z0-9][a-zA-Z0-9_.-]*) (\S*)$/

/** The name of the link. */
export function linkName({ containerId, ifName }: Owner): string {
  return `.${containerId} ${ifName}`
}

/** The attachment of a link with this name; undefined for any other file's. */
export function parseLinkName(name: string): Owner | undefined {
  const [, containerId, ifName] = namePattern.exec(name) ?? []
  return containerId === undefined || ifName === undefined ? undefined : { containerId, ifName }
}

/** The target of the link. */
export function encodeReservation({ sandbox, writtenMs }: Reservation): string {
  return JSON.stringify({ ...sandbox, addresses: Object.fromEntries(writtenMs) })
}

/** Reads the target of a link; undefined when it is no reservation. */
export function decodeReservation(target: string): Reservation | undefined {
  const { bootId, netns, netnsInode, netnsCookie, machine, addresses } = parseObject(target)
  if (typeof bootId !== 'string' || typeof netns !== 'string') return undefined
  if (typeof netnsInode !== 'number' || !isObject(addresses)) return undefined
  if (machine !== undefined && !isMachine(machine)) return undefined
  const writtenMs = Object.entries(addresses).flatMap(([address, time]) =>
    parseIp(address) !== undefined && typeof time === 'number' ? [[address, time] as const] : [],
  )
  const sandbox = {
    ...{ bootId, netns, netnsInode },
    ...(typeof netnsCookie === 'string' && { netnsCookie }),
    ...(machine && { machine }),
  }
  return { sandbox, writtenMs: new Map(writtenMs) }
}

function isMachine(value: unknown): value is Machine {
  return isObject(value) && typeof value['id'] === 'string' && typeof value['hostname'] === 'string'
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    return {} // somebody else's link: it says nothing about addresses
  }
}
