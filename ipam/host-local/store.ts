/** The reservations of one network, as the allocator sees them. */
import type { Ip } from '../../lib/net/ip.ts'
import type { Owner } from './owner.ts'

export interface Store {
  /** Where it is, for messages. */
  readonly location: string

  /** All reservations: the text of each address, and who holds it. */
  owners(): Map<string, Owner>

  /** The address that was reserved last in the set with this index, if that is known. */
  lastReserved(setIndex: number): Ip | undefined

  /**
   * Reserves an address and remembers it as the last one of the set with this index. Returns
   * false when somebody holds the address.
   */
  reserve(ip: Ip, owner: Owner, setIndex: number): boolean

  /** Releases an address, given as `owners` names it; one that nobody holds is no error. */
  release(address: string): void
}
