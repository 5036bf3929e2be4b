/**
 * Reservations on disk: one file per address, with the files that Go's host-local has.
 *
 * An address file appears whole and exclusively: it is written aside and hard-linked to its name,
 * so neither a crash nor another program can leave half of one. Nothing is synced: after a power
 * loss no pod of that boot lives, so what a lost or torn file must be is healed, not kept.
 */
import { constants, linkSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, errorText, hasCode } from '../../lib/cni/errors.ts'
import type { Context, Log } from '../../lib/cni/plugin.ts'
import { replaceFile } from '../../lib/files.ts'
import { formatIp, parseIp, type Ip } from '../../lib/net/ip.ts'
import { formatOwner, parseOwner, unknownOwner, type Owner } from './owner.ts'
import type { Store } from './store.ts'

const lastReservedPrefix = 'last_reserved_ip.'

/** Files of calls that did not finish; Go's host-local sees no address in such a name. */
const temporaryPrefix = '.new-'

// Never follow a link out of the folder, and never wait for the writer of a FIFO.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

export class DiskStore implements Store {
  readonly location: string
  readonly #log: Log
  readonly #temporary: string

  /** The store in an existing directory, whose lock the caller holds. */
  constructor(directory: string, { log, randomBytes }: Pick<Context, 'log' | 'randomBytes'>) {
    this.location = directory
    this.#log = log
    this.#temporary = this.#path(temporaryPrefix + Buffer.from(randomBytes(8)).toString('hex'))
  }

  /**
   * Reads every address file: 10 us for each, so 1 ms where a node has its 110 pods. It cannot be
   * left out: an ADD that is not seen to be a repetition fails later in the chain, and its rollback
   * then releases the address of a pod that lives. An index of owners would have to notice what
   * Go's host-local changes beside it, with more files and more writes than it saves. One pass
   * tells who is there already, what is free and what nobody holds.
   */
  owners(): Map<string, Owner> {
    const owners = new Map<string, Owner>()
    for (const name of readdirSync(this.location)) {
      if (!isAddressName(name)) continue
      const owner = this.#readOwner(name)
      if (owner !== undefined) owners.set(name, owner)
    }
    return owners
  }

  lastReserved(setIndex: number): Ip | undefined {
    try {
      return parseIp(this.#read(lastReservedPrefix + setIndex).trim())
    } catch (error) {
      // Without it the search begins at the first address, which costs nothing but the rotation.
      if (!hasCode(error, 'ENOENT')) this.#log.warn(errorText(error))
      return undefined
    }
  }

  reserve(ip: Ip, owner: Owner, setIndex: number): boolean {
    const address = formatIp(ip)
    try {
      const claimed = this.#claim(address, formatOwner(owner))
      if (claimed) this.#remember(address, setIndex)
      return claimed
    } catch (error) {
      throw new CniError(
        ErrorCode.ioFailure,
        `reserving ${address}: ${errorText(error)}`,
        `${this.location} must be writable and have space and inodes left (df -h, df -i)`,
        { cause: error },
      )
    }
  }

  release(address: string): void {
    unlinkIfThere(this.#path(address))
  }

  /** Removes what is nobody's: empty and garbled address files, and those of calls that died. */
  sweep(): void {
    const abandoned = readdirSync(this.location).filter(
      (name) => name.startsWith(temporaryPrefix) || this.#isNobodys(name),
    )
    attemptAll(abandoned.map((name) => () => this.release(name)))
  }

  /** Makes the file of an address; false when somebody holds it. */
  #claim(address: string, content: string): boolean {
    const path = this.#path(address)
    try {
      writeFileSync(this.#temporary, content, { flag: 'wx', mode: 0o600 })
      if (tryLink(this.#temporary, path)) return true
      if (!this.#isNobodys(address)) return false
      this.#log.warn(`${path} is empty or garbled, so nobody holds it; the address is used again`)
      unlinkIfThere(path)
      return tryLink(this.#temporary, path)
    } finally {
      unlinkIfThere(this.#temporary)
    }
  }

  #remember(address: string, setIndex: number): void {
    try {
      const path = this.#path(lastReservedPrefix + setIndex)
      replaceFile(path, this.#temporary, address, 0o600)
    } catch (error) {
      this.release(address)
      throw error
    }
  }

  #isNobodys(name: string): boolean {
    return parseIp(name) !== undefined && this.#readOwner(name) === undefined
  }

  /** Who holds an address, or undefined when its file is gone or nobody's. */
  #readOwner(name: string): Owner | undefined {
    try {
      return parseOwner(this.#read(name))
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined
      this.#log.debug(`taken for held: ${errorText(error)}`)
      return unknownOwner
    }
  }

  #read(name: string): string {
    return readFileSync(this.#path(name), { encoding: 'utf8', flag: readFlags })
  }

  #path(name: string): string {
    return `${this.location}/${name}`
  }
}

/** Cheaper than parsing: the folder also has the locks, what is temporary, and last addresses. */
function isAddressName(name: string): boolean {
  return /^[\da-f][\da-f.:]*$|^::/.test(name)
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
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
