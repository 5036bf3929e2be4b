/** The folder of a network's reservations where other machines may have theirs, too, as on NFS. */
import { basename, dirname, join } from 'node:path'
import { ThisMachine } from '../../ipam/host-local/machine.ts'
import { isSameOwner } from '../../ipam/host-local/owner.ts'
import { ReservationLinks } from '../../ipam/host-local/reservation-links.ts'
import { unlinkIfThere } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import { listReservations } from '../node/reservations.ts'
import type { Removal, Say } from './removal.ts'

/**
 * Releases what this machine has reserved. The rest stays, and so does the folder: the others lock
 * it, and look there for what was given last.
 */
export function planSharedFolder(path: string, say: Say, log: Log): Removal {
  const remove = () => {
    const reservations = listReservations(dirname(path), basename(path), new ThisMachine(log), log)
    const own = reservations.filter(({ machine }) => machine === 'this')
    const others = reservations.filter(({ machine }) => machine !== 'this')
    const links = new ReservationLinks(path, '')
    for (const reservation of own) {
      unlinkIfThere(join(path, reservation.address))
      // Another machine may have a container of the same names.
      if (!others.some((other) => isSameOwner(other, reservation))) links.remove(reservation)
    }
    say(
      `kept ${path}, which other machines may have, too; ${others.length} reservations there are ` +
        'not known to be of this one. When no machine uses it any more: rm -r it',
    )
  }
  return { what: `reservations of this machine in ${path}/`, remove }
}
