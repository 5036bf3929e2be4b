/** Puts the links of a folder in order after a killed call, and after one of Go's host-local. */
import { readdirSync } from 'node:fs'
import { unlinkIfThere } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import type { AddressFiles } from './address-files.ts'
import { type Owner, unknownOwner } from './owner.ts'
import type { ReservationLinks } from './reservation-links.ts'
import { linkName, parseLinkName, type Sandbox } from './reservation.ts'
import type { Holding } from './store.ts'

/** Files of calls that did not finish; Go's host-local sees no address in such a name. */
export const temporaryPrefix = '.new-'

/** What a folder is made of. */
export interface Folder {
  readonly path: string
  readonly files: AddressFiles
  readonly links: ReservationLinks
  readonly log: Log
}

/**
 * Removes what killed calls have left and what is garbled, and makes a link for every address that
 * has none, and then the unknown sandbox. Throws Node's system errors.
 */
export function repair(folder: Folder, unknown: Sandbox): void {
  const names = readdirSync(folder.path)
  const owners = folder.files.ownersAmong(names)
  folder.files.removeNobodys(names, owners)
  const holdings = holdingsByLink(owners)
  for (const name of names) {
    const isDead = parseLinkName(name) !== undefined && !holdings.has(name)
    if (isDead || name.startsWith(temporaryPrefix)) unlinkIfThere(`${folder.path}/${name}`)
  }
  for (const holding of holdings.values()) adopt(folder, holding, unknown)
}

function holdingsByLink(owners: ReadonlyMap<string, Owner>): Map<string, Holding> {
  const known = [...owners].filter(([, owner]) => owner !== unknownOwner)
  const holdings = new Map<string, Holding>()
  for (const [address, owner] of known) {
    const name = linkName(owner)
    const addresses = [...(holdings.get(name)?.addresses ?? []), address]
    holdings.set(name, { owner, addresses })
  }
  return holdings
}

function adopt(folder: Folder, { owner, addresses }: Holding, sandbox: Sandbox): void {
  const { path, files, links, log } = folder
  const known = links.read(owner)?.writtenMs
  if (known === undefined && links.has(owner)) {
    log.warn(`${path}/${linkName(owner)} is garbled; it is made anew from the files of addresses`)
  }
  const times = addresses.map((address) => [address, files.writtenMs(address) ?? 0] as const)
  if (times.every(([address, time]) => known?.get(address) === time)) return
  links.write(owner, { sandbox, writtenMs: new Map(times) })
}
