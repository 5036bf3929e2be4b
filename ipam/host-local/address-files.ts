/**
 * The files that Go's host-local has: one for each address that is held, and the last address of
 * each range set.
 *
 * An address file appears whole and exclusively: it is written aside and hard-linked to its name,
 * so neither a crash nor another program can leave half of one. Nothing is synced: after a power
 * loss no pod of that boot lives, so what a lost or torn file must be is healed, not kept.
 */
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { overwriteFile, replaceFile, unlinkIfThere } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import { type Ip, parseIp } from '../../lib/ip/ip.ts'
import { type Owner, parseOwner, unknownOwner } from './owner.ts'

const lastReservedPrefix = 'last_reserved_ip.'
const noLast = 'should hold the last address; the search begins at the first one instead'

// Never follow a link out of the folder, and never wait for the writer of a FIFO.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const { O_WRONLY, O_CREAT, O_EXCL } = constants

export class AddressFiles {
  readonly #folder: string
  readonly #log: Log

  constructor(folder: string, log: Log) {
    this.#folder = folder
    this.#log = log
  }

  /** Who holds an address, or undefined when there is no file or it is nobody's. */
  holder(address: string): Owner | undefined {
    // Most that are asked for are free, and a failed read costs more than a look.
    return this.writtenMs(address) === undefined ? undefined : this.read(address)
  }

  /** The same for a file that was there a moment ago. */
  read(address: string): Owner | undefined {
    try {
      return parseOwner(this.#readText(address))
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      this.#log.debug(`taken for held: ${errorText(error)}`)
      return unknownOwner
    }
  }

  /** Who holds which of the addresses among names of files. */
  ownersAmong(names: readonly string[]): Map<string, Owner> {
    const owners = new Map<string, Owner>()
    for (const name of names) {
      const owner = isAddressName(name) ? this.read(name) : undefined
      if (owner !== undefined) owners.set(name, owner)
    }
    return owners
  }

  /** When the file was written, in ms since the epoch; undefined when there is none. */
  writtenMs(address: string): number | undefined {
    return lstatSync(this.#path(address), { throwIfNoEntry: false })?.mtimeMs
  }

  /** Removes, of the files with these names, those that nobody has written: empty or garbled. */
  removeNobodys(names: readonly string[], owners: ReadonlyMap<string, Owner>): void {
    for (const name of names) {
      const isAddress = isAddressName(name) && parseIp(name) !== undefined
      if (isAddress && !owners.has(name)) this.#removeGarbled(name)
    }
  }

  /** Makes the file of an address of the one that is written aside; false when somebody holds it. */
  claim(address: string, aside: string): boolean {
    const path = this.#path(address)
    if (tryLink(aside, path)) return true
    if (this.read(address) !== undefined) return false
    this.#removeGarbled(address)
    return tryLink(aside, path)
  }

  remove(address: string): void {
    unlinkIfThere(this.#path(address))
  }

  #removeGarbled(address: string): void {
    const path = this.#path(address)
    this.#log.warn(`${path} is empty or garbled, so nobody holds it; the address is used again`)
    unlinkIfThere(path)
  }

  lastReserved(setIndex: number): Ip | undefined {
    const name = lastReservedPrefix + setIndex
    try {
      const ip = parseIp(this.#readText(name).trim())
      if (ip === undefined) this.#log.warn(`${this.#path(name)} ${noLast}`)
      return ip
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) this.#log.warn(`${errorText(error)}: it ${noLast}`)
      return undefined
    }
  }

  /**
   * Remembers the address as the last one of the set; `aside` is where its file is written if there
   * is none. It says where a search begins: one that is garbled does no harm.
   */
  remember(address: string, setIndex: number, aside: string): void {
    const path = this.#path(lastReservedPrefix + setIndex)
    if (!overwriteFile(path, address)) replaceFile(path, aside, address, 0o600)
  }

  #readText(name: string): string {
    return readFileSync(this.#path(name), { encoding: 'utf8', flag: readFlags })
  }

  #path(name: string): string {
    return `${this.#folder}/${name}`
  }
}

/** Whether a file of this name holds the last address of a range set. */
export function isLastReservedName(name: string): boolean {
  return name.startsWith(lastReservedPrefix) && /^\d+$/.test(name.slice(lastReservedPrefix.length))
}

/** Cheaper than parsing: the folder also has links, locks, what is temporary, and last addresses. */
function isAddressName(name: string): boolean {
  return /^[\da-f][\da-f.:]*$|^::/.test(name)
}

/** Writes a new file; returns when that was, in ms since the epoch. */
export function writeAside(path: string, content: string): number {
  const fd = openSync(path, O_WRONLY | O_CREAT | O_EXCL, 0o600)
  try {
    writeFileSync(fd, content)
    return fstatSync(fd).mtimeMs
  } finally {
    closeSync(fd)
  }
}

/** link(2): false when the name exists. */
function tryLink(existing: string, path: string): boolean {
  try {
    linkSync(existing, path)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}
