/**
 * proper-lockfile's lock of a network's reservations, which is taken while flock(2) is held: on
 * file systems that other machines may have mounted, too. Elsewhere flock excludes every process that
 * may be at work, and a directory made and removed by each call is a twentieth of its CPU time.
 */
import {
  lstatSync,
  mkdirSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
} from 'node:fs'
import { lockSync } from 'proper-lockfile'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { lockFile, type LockHeld, type Patience } from './lock.ts'

/** What proper-lockfile makes beside the file that it locks. */
export const directoryOfLock = `${lockFile}.lock`

/** After so many ms the lock of a killed process counts for nothing; it is held for a few. */
const staleMs = 2000

/** So that proper-lockfile, which goes by the date of a lock, takes none for stale. */
const never = Number.MAX_SAFE_INTEGER

/** The calls that proper-lockfile makes; a copy of all of `fs`, as it makes one, takes longer. */
const fs = { mkdirSync, realpathSync, rmdirSync, statSync, utimesSync }

/**
 * Runs `work` while the process has proper-lockfile's lock, the directory `lock.lock`. The caller
 * holds flock, which may not exclude other machines. Throws a `CniError` with code 11 when
 * patience is over.
 */
export function withLockDirectory<T>(directory: string, patience: Patience, work: () => T): T {
  const path = `${directory}/${lockFile}`
  const dead = new DeadLock(`${path}.lock`, patience)
  const unlock = patience.insist(
    () => lockDirectory(path, dead, patience.context.log),
    () => describeDirectory(path),
  )
  try {
    return work()
  } finally {
    unlock()
  }
}

function describeDirectory(path: string): LockHeld {
  const lock = `${path}.lock`
  const holder = 'a process that keeps it fresh and that flock does not see, on another machine'
  return { lock, holder, remedy: `if there is none, remove it: rmdir ${lock}` }
}

/** Takes proper-lockfile's lock. Its timer never fires, since nothing yields while it is held. */
function lockDirectory(path: string, dead: DeadLock, log: Log): () => void {
  try {
    dead.remove()
    const unlock = lockSync(path, { realpath: false, stale: never, update: 1000, fs })
    return () => release(path, unlock, log)
  } catch (error) {
    if (hasCode(error, 'ELOCKED')) throw error
    if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw cannotLock(path, error)
    // A DEL on a full disk must work, and where disks fill up flock mostly does its work.
    log.warn(`going on with flock alone: ${errorText(error)}`)
    return () => undefined
  }
}

function cannotLock(path: string, error: unknown): CniError {
  return new CniError(
    ErrorCode.ioFailure,
    errorText(error),
    `${path}.lock must be a directory that can be made and removed: it is a lock`,
    { cause: error },
  )
}

function release(path: string, unlock: () => void, log: Log): void {
  try {
    unlock()
  } catch (error) {
    // The work is done, and a lock that stays is soon stale.
    log.warn(`releasing ${path}.lock: ${errorText(error)}`)
  }
}

/**
 * Finds the lock of a process that was killed: one that stays the same while a call waits. Its date
 * proves nothing, since the clocks of machines and of a file server differ.
 */
class DeadLock {
  readonly #path: string
  readonly #patience: Patience
  #seen = ''
  #sinceMs = 0

  constructor(path: string, patience: Patience) {
    this.#path = path
    this.#patience = patience
  }

  /** Removes the lock if it is dead, or is no lock at all. */
  remove(): void {
    const stat = lstatSync(this.#path, { throwIfNoEntry: false })
    if (stat === undefined) return
    const { log } = this.#patience.context
    if (!stat.isDirectory()) {
      log.warn(`${this.#path} is no directory, so it is no lock; it is removed`)
      unlinkSync(this.#path)
    } else if (this.#hasStayed(`${stat.ino} ${stat.ctimeMs}`)) {
      log.debug(`removing ${this.#path}: the process that made it was killed`)
      removeIfThere(this.#path)
    }
  }

  #hasStayed(identity: string): boolean {
    const { waitedMs } = this.#patience
    if (identity !== this.#seen) {
      this.#seen = identity
      this.#sinceMs = waitedMs
    }
    return waitedMs - this.#sinceMs >= staleMs
  }
}

function removeIfThere(lock: string): void {
  try {
    rmdirSync(lock)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error // another call was faster
  }
}
