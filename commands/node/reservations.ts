/** The addresses that host-local has reserved on this node: one file for each. */
import { readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { mayBeShared } from '../../ipam/host-local/file-system.ts'
import { footprint as hostLocal, isAddressFile } from '../../ipam/host-local/footprint.ts'
import { type Identity, ThisMachine } from '../../ipam/host-local/machine.ts'
import { parseOwner } from '../../ipam/host-local/owner.ts'
import { ReservationLinks } from '../../ipam/host-local/reservation-links.ts'
import type { Sandbox } from '../../ipam/host-local/reservation.ts'
import { Sandboxes } from '../../ipam/host-local/sandboxes.ts'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { readStateFile } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import { folderOf, type PluginCall } from './plugin-calls.ts'

export interface Reservation {
  readonly network: string
  readonly address: string
  readonly containerId: string
  /** Empty in the files of old versions of host-local. */
  readonly ifName: string
  /** The path of the sandbox that it was made for; empty when that is not known. */
  readonly netns: string
  /**
   * The machine that it was made on. Where several have the folder, one that Go's host-local has
   * made may be any one's.
   */
  readonly machine: 'this' | 'other' | 'unknown'
  /** Milliseconds since the epoch. */
  readonly since: number
}

/** The reservations of one network. */
export interface Store {
  readonly network: string
  readonly reservations: readonly Reservation[]
}

/**
 * The stores in a folder such as `/var/lib/cni/networks`; none when there is no such folder. A
 * file that cannot be read is logged.
 */
export function listStores(networksDir: string, log: Log): Store[] {
  const here = new ThisMachine(log)
  return folderNames(networksDir).map((network) => ({
    network,
    reservations: listReservations(networksDir, network, here, log),
  }))
}

/** The folders in which these calls have host-local keep reservations, a folder for each network. */
export function networksDirsOf(calls: readonly PluginCall[]): string[] {
  const folders = calls
    .filter(({ footprint }) => footprint === hostLocal)
    .flatMap((call) => folderOf(call) ?? [])
  return [...new Set(folders.map(({ path }) => dirname(path)))]
}

/** The reservations of one network in that folder. */
export function listReservations(
  networksDir: string,
  network: string,
  here: Identity,
  log: Log,
): Reservation[] {
  const folder = join(networksDir, network)
  const addresses = fileNames(folder).filter(isAddressFile)
  if (addresses.length === 0) return []
  const sandboxes = new Sandboxes(here, { isShared: mayBeShared(folder) }, log)
  return addresses.flatMap((address) => readReservation(folder, network, address, sandboxes, log))
}

function readReservation(
  folder: string,
  network: string,
  address: string,
  sandboxes: Sandboxes,
  log: Log,
): Reservation[] {
  const file = join(folder, address)
  try {
    const owner = parseOwner(readStateFile(file))
    if (owner === undefined) return [] // after a power loss a file may be empty
    const since = statSync(file).mtimeMs
    const known = new ReservationLinks(folder, '').read(owner)
    // With another time the link is of another reservation of the same names.
    const sandbox = known?.writtenMs.get(address) === since ? known.sandbox : undefined
    const machine = machineOf(sandboxes, sandbox)
    return [{ network, address, ...owner, netns: sandbox?.netns ?? '', machine, since }]
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) log.warn(`left out: ${errorText(error)}`)
    return []
  }
}

function machineOf(sandboxes: Sandboxes, sandbox: Sandbox | undefined): Reservation['machine'] {
  if (sandboxes.isOurs(sandbox)) return 'this'
  return sandboxes.otherMachine(sandbox) === undefined ? 'unknown' : 'other'
}

function folderNames(folder: string): string[] {
  return entries(folder)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}

function fileNames(folder: string): string[] {
  return entries(folder)
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

function entries(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}
