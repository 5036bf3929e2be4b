/** What host-local leaves on a node: the files of reservations, in a folder for each network. */
import type { Footprint } from '../../lib/cni/footprint.ts'
import { parseIp } from '../../lib/ip/ip.ts'
import { isLastReservedName } from './address-files.ts'
import { networkDirectory } from './conf.ts'
import { directoryOfLock } from './lock-directory.ts'
import { lockFile } from './lock.ts'
import { temporaryPrefix } from './repair.ts'
import { parseLinkName } from './reservation.ts'

export const footprint: Footprint = {
  plugin: 'host-local',

  folder(conf) {
    return {
      path: networkDirectory(conf),
      locks: [lockFile, directoryOfLock],
      owns: (name) =>
        isAddressFile(name) ||
        isLastReservedName(name) ||
        parseLinkName(name) !== undefined ||
        name.startsWith(temporaryPrefix),
    }
  },
}

/** Whether a file of this name says who has the address of this name. */
export function isAddressFile(name: string): boolean {
  return parseIp(name) !== undefined
}
