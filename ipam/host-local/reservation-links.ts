/** The links of a folder that tell of reservations what address files do not. */
import { lstatSync, readlinkSync, renameSync, type Stats, symlinkSync } from 'node:fs'
import { hasCode } from '../../lib/base/errors.ts'
import { unlinkIfThere } from '../../lib/base/files.ts'
import type { Owner } from './owner.ts'
import { decodeReservation, encodeReservation, linkName, type Reservation } from './reservation.ts'

export class ReservationLinks {
  readonly #folder: string
  readonly #aside: string

  /** `aside` is a path for links on their way to the place of another. */
  constructor(folder: string, aside: string) {
    this.#folder = folder
    this.#aside = aside
  }

  /** What is known of the attachment; undefined when nothing is. Throws Node's system errors. */
  read(owner: Owner): Reservation | undefined {
    const path = this.#path(owner)
    // Most that are asked for are not there, and a failed read costs more than a look.
    if (lstatIfThere(path)?.isSymbolicLink() !== true) return undefined
    try {
      return decodeReservation(readlinkSync(path))
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      throw error
    }
  }

  /** Whether there is anything in the place of the attachment's link. Throws Node's system errors. */
  has(owner: Owner): boolean {
    return lstatIfThere(this.#path(owner)) !== undefined
  }

  /** Throws Node's system errors: ENAMETOOLONG for what no link can hold. */
  write(owner: Owner, reservation: Reservation): void {
    const target = encodeReservation(reservation)
    const path = this.#path(owner)
    if (tryLink(target, path)) return
    symlinkSync(target, this.#aside)
    try {
      renameSync(this.#aside, path)
    } catch (error) {
      unlinkIfThere(this.#aside)
      throw error
    }
  }

  remove(owner: Owner): void {
    try {
      unlinkIfThere(this.#path(owner))
    } catch (error) {
      if (!hasCode(error, 'ENAMETOOLONG')) throw error
    }
  }

  #path(owner: Owner): string {
    return `${this.#folder}/${linkName(owner)}`
  }
}

function lstatIfThere(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    if (hasCode(error, 'ENAMETOOLONG')) return undefined
    throw error
  }
}

/** symlink(2): false when the name exists. */
function tryLink(target: string, path: string): boolean {
  try {
    symlinkSync(target, path)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}
