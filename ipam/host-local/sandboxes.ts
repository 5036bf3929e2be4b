/** The sandboxes of this node, as far as they can be told from outside. */
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import { errorText, hasCode } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import { unknownSandbox, type Sandbox } from './reservation.ts'

/** A path of more characters is not remembered; XFS has room for 1024 bytes in a link. */
const maxPathLength = 512

/** The kernel's name for the time since it started (random(4)); empty when it does not say. */
export function readBootId(log: Log): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    log.debug(`reservations of other boots are not recognized: ${errorText(error)}`)
    return ''
  }
}

export class Sandboxes {
  readonly #bootId: string
  readonly #log: Log
  #inhabited: ReadonlySet<number> | undefined

  /** `bootId` as `readBootId` returns it. */
  constructor(bootId: string, log: Log) {
    this.#bootId = bootId
    this.#log = log
  }

  /** The one with the network namespace at this path; what was never there cannot vanish. */
  describe(netns: string): Sandbox {
    const unknown = unknownSandbox(this.#bootId)
    if (!isAbsolute(netns) || netns.length > maxPathLength) return unknown
    try {
      const stat = statSync(netns, { throwIfNoEntry: false })
      return stat === undefined ? unknown : { ...unknown, netns, netnsInode: stat.ino }
    } catch (error) {
      this.#log.debug(`the sandbox is not remembered: ${errorText(error)}`)
      return unknown
    }
  }

  /**
   * Whether nothing of the sandbox can be left: it was made before this boot, and namespaces do not
   * outlive that; or the path of its namespace has vanished, and no process is in it.
   */
  isGone({ bootId, netns, netnsInode }: Sandbox): boolean {
    if (bootId !== '' && this.#bootId !== '' && bootId !== this.#bootId) return true
    return netns !== '' && hasVanished(netns) && !this.#isInhabited(netnsInode)
  }

  #isInhabited(inode: number): boolean {
    this.#inhabited ??= inhabitedNamespaces(this.#log)
    return this.#inhabited.has(inode)
  }
}

/**
 * Whether there is nothing at a path in a folder that exists. It proves nothing when the folder is
 * missing too: other programs see another /run then, or it is `/proc/PID/ns`, which goes with any
 * one process of the sandbox.
 */
function hasVanished(path: string): boolean {
  try {
    lstatSync(path)
    return false
  } catch (error) {
    return hasCode(error, 'ENOENT') && isFolder(dirname(path))
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false // cannot be looked at, which proves as little as a missing one
  }
}

/** The inode numbers of the network namespaces that have processes. */
function inhabitedNamespaces(log: Log): Set<number> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return new Set(pids.flatMap((pid) => namespaceOf(pid, log) ?? []))
}

function namespaceOf(pid: string, log: Log): number | undefined {
  try {
    return statSync(`/proc/${pid}/ns/net`).ino
  } catch (error) {
    // It has ended since; or it has more rights than this process, and then it is no pod's.
    if (!hasCode(error, 'ENOENT', 'ESRCH')) log.debug(errorText(error))
    return undefined
  }
}
