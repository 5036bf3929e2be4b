/** The reservations of one network, as the allocator sees them. */
import type { Ip } from '../../lib/ip/ip.ts'
import type { Owner } from './owner.ts'
import type { Sandbox } from './reservation.ts'

/** Addresses that one attachment has, under the name that their files give it. */
export interface Holding {
  readonly owner: Owner
  readonly addresses: readonly string[]
}

export interface Store {
  /** Where it is, for messages. */
  readonly location: string

  /** Whether other machines may have it, too. */
  readonly isShared: boolean

  /** All reservations: the text of each address, and who holds it. */
  owners(): Map<string, Owner>

  /** Who holds an address, given by its text; undefined when nobody does. */
  holder(address: string): Owner | undefined

  /**
   * What the attachment holds: under its own name and, after that, in files of old versions of
   * host-local, which fit every interface of its container.
   */
  holdings(attachment: Owner): Holding[]

  /** The address that was reserved last in the set with this index, if that is known. */
  lastReserved(setIndex: number): Ip | undefined

  /**
   * Reserves all of the addresses, one of each set in their order, and remembers them as the last
   * ones of the sets. Returns false when somebody holds one of them, and reserves none then.
   */
  reserve(owner: Owner, sandbox: Sandbox, ips: readonly Ip[]): boolean

  /** Releases addresses of the owner; one that is not held any more is no error. */
  release(holding: Holding): void

  /** What is held by attachments whose sandboxes are known. */
  located(): Located[]
}

/** Addresses that were reserved for a sandbox. */
export interface Located extends Holding {
  readonly sandbox: Sandbox
}
