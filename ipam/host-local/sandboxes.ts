/** The sandboxes of this node, as far as they can be told from outside. */
import { statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { errorText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { cookieOf } from '../../lib/linux/netns-id.ts'
import { hasVanished, inhabitedNamespaces } from '../../lib/linux/netns-traces.ts'
import { areDifferentMachines, type Identity, isSameMachine, type Machine } from './machine.ts'
import { type Sandbox, unknownSandbox } from './reservation.ts'
import type { Store } from './store.ts'

/** A path of more characters is not remembered; XFS has room for 1024 bytes in a link. */
const maxPathLength = 512

/**
 * The sandbox with the network namespace at this path, in the boot with this ID; what was never there
 * cannot vanish.
 */
export function describeSandbox(netns: string, bootId: string, log: Log): Sandbox {
  const unknown = unknownSandbox(bootId)
  if (!isAbsolute(netns) || netns.length > maxPathLength) return unknown
  try {
    const stat = statSync(netns, { throwIfNoEntry: false })
    if (stat === undefined) return unknown
    const netnsCookie = cookieOf(netns)
    return { ...unknown, netns, netnsInode: stat.ino, ...(netnsCookie && { netnsCookie }) }
  } catch (error) {
    log.debug(`the sandbox is not remembered: ${errorText(error)}`)
    return unknown
  }
}

export class Sandboxes {
  readonly #identity: Identity
  readonly #areShared: boolean
  readonly #log: Log
  #inhabited: ReadonlyMap<number, readonly string[]> | undefined

  /** Those that reservations name on this machine, in a folder that others may have, too, or not. */
  constructor(identity: Identity, { isShared }: Pick<Store, 'isShared'>, log: Log) {
    this.#identity = identity
    this.#areShared = isShared
    this.#log = log
  }

  /** The sandbox of an attachment that this call makes, with its machine where others are, too. */
  locate(sandbox: Sandbox): Sandbox {
    const machine = this.#areShared ? this.#identity.machine : undefined
    return machine === undefined ? sandbox : { ...sandbox, machine }
  }

  /** What is to be remembered of one that somebody else has reserved addresses for. */
  describeUnknown(): Sandbox {
    // Another machine's pods outlive a boot of this one.
    return unknownSandbox(this.#areShared ? '' : this.#identity.bootId)
  }

  /**
   * Whether it is one of this machine. If it does not say of which, it is as long as no other one
   * has the folder.
   */
  isOurs(sandbox: Sandbox | undefined): boolean {
    if (sandbox?.machine === undefined) return !this.#areShared
    return isSameMachine(sandbox.machine, this.#identity.machine)
  }

  /** The machine that it certainly is on, when that is another one. */
  otherMachine(sandbox: Sandbox | undefined): Machine | undefined {
    const machine = sandbox?.machine
    return areDifferentMachines(machine, this.#identity.machine) ? machine : undefined
  }

  /**
   * Whether it is one of this machine, and nothing of it can be left: it was made before this boot,
   * and namespaces do not outlive that; or the path of its namespace has vanished, and no process is
   * in it.
   */
  isGone(sandbox: Sandbox): boolean {
    if (!this.isOurs(sandbox)) return false
    const { bootId, netns } = sandbox
    const current = this.#identity.bootId
    if (bootId !== '' && current !== '' && bootId !== current) return true
    return netns !== '' && hasVanished(netns) && !this.#isInhabited(sandbox)
  }

  /** The kernel gives the inode number of a namespace that is gone to another one. */
  #isInhabited({ netnsInode, netnsCookie }: Sandbox): boolean {
    this.#inhabited ??= inhabitedNamespaces(this.#log)
    const paths = this.#inhabited.get(netnsInode) ?? []
    return paths.some((path) => {
      const cookie = netnsCookie && cookieOf(path)
      return cookie === undefined || cookie === '' || cookie === netnsCookie
    })
  }
}
