/** Addresses whose pods are gone although nobody has released them. */
import type { Log } from '../../lib/base/log.ts'
import type { Owner } from './owner.ts'
import type { Sandbox } from './reservation.ts'
import type { Located, Store } from './store.ts'

/** A log line names so many addresses at most. */
const maxNamed = 20

export type IsGone = (sandbox: Sandbox) => boolean

/** What attachments hold whose sandboxes are gone. What Go's host-local reserved is not known. */
export function abandoned(store: Store, isGone: IsGone): Located[] {
  return store.located().filter(({ sandbox }) => isGone(sandbox))
}

/** What is reserved, less what an ADD would take back. A look that need not lock others out. */
export function ownersThatStay(store: Store, isGone: IsGone): Map<string, Owner> {
  const owners = store.owners()
  for (const { addresses } of abandoned(store, isGone)) {
    for (const address of addresses) owners.delete(address)
  }
  return owners
}

/** Releases all that is abandoned, and logs it; false when nothing is. */
export function reclaim(store: Store, isGone: IsGone, log: Log): boolean {
  const holdings = abandoned(store, isGone)
  if (holdings.length === 0) return false
  for (const holding of holdings) store.release(holding)
  const names = holdings.flatMap(({ addresses, owner }) =>
    addresses.map((address) => `${address} of ${owner.containerId}`),
  )
  const more = names.length > maxNamed ? ` and ${names.length - maxNamed} more` : ''
  log.warn(
    `took back ${names.slice(0, maxNamed).join(', ')}${more} in ${store.location}: ` +
      'reserved before this boot, or for a network namespace that was removed',
  )
  return true
}
