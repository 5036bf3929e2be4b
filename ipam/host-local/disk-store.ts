/**
 * Reservations on disk: the address files that Go's host-local has, and for each attachment a link
 * that names its addresses. So neither ADD nor DEL looks through the folder, however many pods the
 * node has, as long as the links can be trusted: while the folder is as our last call left it, which
 * its seal tells. After a call that was killed, and after one of Go's host-local, everything is
 * read once and the links are put in order.
 *
 * The link comes before the addresses and goes after them: an address without one is Go's.
 */
import { readdirSync } from 'node:fs'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { unlinkIfThere } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { Undo } from '../../lib/cni/undo.ts'
import { formatIp, type Ip } from '../../lib/ip/ip.ts'
import { AddressFiles, writeAside } from './address-files.ts'
import { mayBeShared } from './file-system.ts'
import type { Identity } from './machine.ts'
import { formatOwner, isSameOwner, type Owner } from './owner.ts'
import { type Folder, repair, temporaryPrefix } from './repair.ts'
import { ReservationLinks } from './reservation-links.ts'
import { parseLinkName, type Reservation, type Sandbox } from './reservation.ts'
import { Sandboxes } from './sandboxes.ts'
import { isSealed, seal } from './seal.ts'
import type { Holding, Located, Store } from './store.ts'

export class DiskStore implements Store {
  readonly location: string
  readonly isShared: boolean
  readonly sandboxes: Sandboxes
  readonly #log: Log
  readonly #temporary: string
  readonly #files: AddressFiles
  readonly #links: ReservationLinks
  readonly #folder: Folder
  readonly #wasSealed: boolean
  /** Whether every address stands in the link of its owner. */
  #isLinked = false

  /** The store in an existing directory, on the machine with this identity. */
  constructor(
    directory: string,
    identity: Identity,
    { log, randomBytes }: Pick<Context, 'log' | 'randomBytes'>,
  ) {
    this.location = directory
    this.isShared = mayBeShared(directory)
    this.sandboxes = new Sandboxes(identity, this, log)
    this.#log = log
    const name = temporaryPrefix + Buffer.from(randomBytes(8)).toString('hex')
    this.#temporary = `${directory}/${name}`
    this.#files = new AddressFiles(directory, log)
    this.#links = new ReservationLinks(directory, `${this.#temporary}0`)
    this.#folder = { path: directory, files: this.#files, links: this.#links, log }
    this.#wasSealed = isSealed(directory)
  }

  /** Makes the links fit to be trusted; from here to `close` nobody else may work in the folder. */
  open(): void {
    if (this.#wasSealed) this.#isLinked = true
    else this.repair()
  }

  /** Puts everything in order that killed calls, Go's host-local or a power loss have left. */
  repair(): void {
    try {
      repair(this.#folder, this.sandboxes.describeUnknown())
      this.#isLinked = true
    } catch (error) {
      this.#isLinked = false
      this.#log.warn(`reading all of ${this.location} each time: ${errorText(error)}`)
    }
  }

  /** Seals the folder, unless something went wrong in it. */
  close(): void {
    try {
      if (this.#isLinked) seal(this.location)
    } catch (error) {
      this.#log.debug(`the next call reads all of ${this.location}: ${errorText(error)}`)
    }
  }

  owners(): Map<string, Owner> {
    return this.#files.ownersAmong(readdirSync(this.location))
  }

  holder(address: string): Owner | undefined {
    return this.#files.holder(address)
  }

  holdings(attachment: Owner): Holding[] {
    if (this.#isLinked && !this.#isSound(attachment)) this.repair()
    const owners = this.#isLinked ? undefined : [...this.owners()]
    return [attachment, { ...attachment, ifName: '' }]
      .map((owner) => {
        const held = owners?.filter(([, other]) => isSameOwner(other, owner))
        return { owner, addresses: held?.map(([address]) => address) ?? this.#linked(owner) }
      })
      .filter(({ addresses }) => addresses.length > 0)
  }

  /** The sandbox in the attachment's link; undefined when nothing is known of it. */
  sandboxOf(owner: Owner): Sandbox | undefined {
    return this.#links.read(owner)?.sandbox
  }

  located(): Located[] {
    return readdirSync(this.location).flatMap((name) => {
      const owner = parseLinkName(name)
      const known = owner === undefined ? undefined : this.#links.read(owner)
      if (owner === undefined || known === undefined) return []
      const addresses = this.#linked(owner).filter((address) => this.#isOf(known, address))
      return addresses.length === 0 ? [] : [{ owner, addresses, sandbox: known.sandbox }]
    })
  }

  lastReserved(setIndex: number): Ip | undefined {
    return this.#files.lastReserved(setIndex)
  }

  reserve(owner: Owner, sandbox: Sandbox, ips: readonly Ip[]): boolean {
    const addresses = ips.map(formatIp)
    const undo = new Undo()
    try {
      return this.#change(() => {
        const reserved = this.#reserveAll({ owner, addresses, sandbox }, undo)
        if (!reserved) undo.run(this.#log)
        return reserved
      })
    } catch (error) {
      undo.run(this.#log)
      throw cannotReserve(addresses, this.location, error)
    }
  }

  release({ owner, addresses }: Holding): void {
    this.#change(() => {
      attemptAll(addresses.map((address) => () => this.#files.remove(address)))
      if (this.#linked(owner).length === 0) this.#links.remove(owner)
    })
  }

  /** Changes addresses and links. If that fails, the links are put in order by the next call. */
  #change<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      this.#isLinked = false
      throw error
    }
  }

  #reserveAll({ owner, addresses, sandbox }: Located, undo: Undo): boolean {
    undo.add('remove the temporary file', () => unlinkIfThere(this.#temporary))
    const time = writeAside(this.#temporary, formatOwner(owner))
    const before = this.#links.read(owner)
    undo.add('restore the link', () => this.#restore(owner, before))
    const added = addresses.map((address) => [address, time] as const)
    this.#link(owner, { sandbox, writtenMs: new Map([...(before?.writtenMs ?? []), ...added]) })
    for (const address of addresses) {
      if (!this.#files.claim(address, this.#temporary)) return false
      undo.add(`release ${address}`, () => this.#files.remove(address))
    }
    for (const [setIndex, address] of addresses.entries()) {
      this.#files.remember(address, setIndex, this.#temporary)
    }
    unlinkIfThere(this.#temporary)
    return true
  }

  #link(owner: Owner, reservation: Reservation): void {
    try {
      this.#links.write(owner, reservation)
    } catch (error) {
      if (!hasCode(error, 'ENAMETOOLONG')) throw error
      this.#isLinked = false // as long as it is there, it is found by reading everything
    }
  }

  #restore(owner: Owner, before: Reservation | undefined): void {
    if (before === undefined) this.#links.remove(owner)
    else this.#links.write(owner, before)
  }

  /** The addresses in the link of the owner, less those that it does not hold. */
  #linked(owner: Owner): string[] {
    const named = [...(this.#links.read(owner)?.writtenMs.keys() ?? [])]
    return named.filter((address) => isSameOwner(this.#files.holder(address), owner))
  }

  /** Whether the attachment has no link, or one that its address files confirm. */
  #isSound(owner: Owner): boolean {
    if (!this.#links.has(owner)) return true
    const named = this.#links.read(owner)?.writtenMs.size ?? 0
    return named > 0 && this.#linked(owner).length === named
  }

  /** Whether it is the reservation that the file of the address was written for. */
  #isOf({ writtenMs }: Reservation, address: string): boolean {
    return writtenMs.get(address) === this.#files.writtenMs(address)
  }
}

function cannotReserve(addresses: readonly string[], location: string, error: unknown): CniError {
  const remedy = hasCode(error, 'EPERM', 'ENOSYS', 'EOPNOTSUPP', 'ENOTSUP')
    ? `${location} must be on a file system that has hard links and symbolic links; ` +
      'ipam.dataDir chooses another place'
    : `${location} must be writable and have space and inodes left (df -h, df -i)`
  return new CniError(
    ErrorCode.ioFailure,
    `reserving ${addresses.join(' and ')}: ${errorText(error)}`,
    remedy,
    { cause: error },
  )
}
