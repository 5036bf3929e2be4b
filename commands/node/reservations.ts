/** The addresses that host-local has reserved on this node: one file for each. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ReservationLinks } from '../../ipam/host-local/reservation-links.ts'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { readStateFile } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import { parseIp } from '../../lib/ip/ip.ts'

export interface Reservation {
  readonly network: string
  readonly address: string
  readonly containerId: string
  /** Empty in the files of old versions of host-local. */
  readonly ifName: string
  /** The path of the sandbox that it was made for; empty when that is not known. */
  readonly netns: string
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
  return folderNames(networksDir).map((network) => ({
    network,
    reservations: fileNames(join(networksDir, network))
      .filter((name) => parseIp(name) !== undefined)
      .flatMap((address) => readReservation(networksDir, network, address, log)),
  }))
}

function readReservation(
  networksDir: string,
  network: string,
  address: string,
  log: Log,
): Reservation[] {
  const file = join(networksDir, network, address)
  try {
    // host-local writes `<containerID>\r\n<interface>`; after a power loss a file may be empty.
    const [containerId = '', ifName = ''] = readStateFile(file).trim().split('\r\n')
    if (!isName(containerId, ifName)) return []
    const since = statSync(file).mtimeMs
    const links = new ReservationLinks(join(networksDir, network), '')
    const known = links.read({ containerId, ifName })
    // With another time the link is of another reservation of the same names.
    const netns = known?.writtenMs.get(address) === since ? known.sandbox.netns : ''
    return [{ network, address, containerId, ifName, netns, since }]
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) log.warn(`left out: ${errorText(error)}`)
    return []
  }
}

/** Whether these can be the names of an attachment; anything else could garble a terminal. */
function isName(containerId: string, ifName: string): boolean {
  return /^[\w.-]+$/.test(containerId) && !/[\p{Cc}\ufffd]/u.test(ifName)
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
