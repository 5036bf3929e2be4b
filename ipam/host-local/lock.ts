/** The lock of a network's reservations. */
import {
  closeSync,
  constants,
  mkdirSync,
  openSync,
  realpathSync,
  rmdirSync,
  statSync,
  utimesSync,
} from 'node:fs'
import { lockSync } from 'proper-lockfile'
import { CniError, ErrorCode, errorText, hasCode } from '../../lib/cni/errors.ts'
import type { Context, Log } from '../../lib/cni/plugin.ts'
import { flock } from '../../lib/net/libc.ts'
import { describeHolders } from './lock-holder.ts'

// sys/file.h
const LOCK_EX = 2
const LOCK_NB = 4

/** How long a call waits for the others, in ms. They hold the lock for a few milliseconds each. */
export const maxWaitMs = 10_000

/** The longest sleep between two attempts, in ms. */
const maxStepMs = 16

/** One sleep counts for so many ms at most, whatever the clock says. */
const maxCountedMs = 1000

/** After so many ms the lock of a killed process counts for nothing: proper-lockfile's least. */
const staleMs = 2000

/** The calls that proper-lockfile makes; a copy of all of `fs`, as it makes one, takes longer. */
const fs = { mkdirSync, realpathSync, rmdirSync, statSync, utimesSync }

/**
 * Runs `work` while the process has flock(2) on the file `lock` of the directory: the lock that Go's
 * host-local takes, which the kernel releases however its holder ends. Throws a `CniError` with code
 * 11 when that takes more than 10 s; `work` may wait for another lock as long as patience lasts.
 */
export function withFlock<T>(
  directory: string,
  context: Context,
  work: (patience: Patience) => T,
): T {
  const path = `${directory}/lock`
  const patience = new Patience(context)
  const fd = openLock(path)
  try {
    patience.insist(
      () => flock(fd, LOCK_EX | LOCK_NB),
      () => describeFlock(path),
    )
    return work(patience)
  } finally {
    closeSync(fd) // and with it the lock
  }
}

/**
 * Runs `work` while the process, which has the other lock, has proper-lockfile's too: it makes the
 * directory `lock.lock`, which excludes processes on file systems where flock does not. Throws a
 * `CniError` with code 11 when patience is over.
 */
export function withLockDirectory<T>(directory: string, patience: Patience, work: () => T): T {
  const path = `${directory}/lock`
  const unlock = patience.insist(
    () => lockDirectory(path, patience.context),
    () => describeDirectory(path),
  )
  try {
    return work()
  } finally {
    unlock()
  }
}

function openLock(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  try {
    return openSync(path, flags, 0o750)
  } catch (error) {
    const details = 'the lock must be a regular file in a writable directory'
    throw new CniError(ErrorCode.ioFailure, errorText(error), details, { cause: error })
  }
}

/** What a call has left of the time that it may wait. */
export class Patience {
  readonly context: Context
  #waitedMs = 0
  #stepMs = 1

  constructor(context: Context) {
    this.context = context
  }

  /** Repeats the attempt while its lock is taken; `describe` says by whom when patience is over. */
  insist<T>(attempt: () => T, describe: () => LockHeld): T {
    for (;;) {
      try {
        return attempt()
      } catch (error) {
        // EWOULDBLOCK of flock(2) is EAGAIN on Linux; ELOCKED is proper-lockfile's.
        if (!hasCode(error, 'EAGAIN', 'ELOCKED')) throw error
        if (this.#waitedMs >= maxWaitMs) throw timedOut(this.#waitedMs, describe())
      }
      this.#wait()
    }
  }

  /** Sleeps one step, which takes longer on a busy machine; the clock may be set meanwhile. */
  #wait(): void {
    const { now, sleep } = this.context
    const start = now()
    sleep(this.#stepMs)
    this.#waitedMs += Math.min(Math.max(now() - start, this.#stepMs), maxCountedMs)
    this.#stepMs = Math.min(2 * this.#stepMs, maxStepMs)
  }
}

interface LockHeld {
  readonly lock: string
  readonly holder: string
  readonly remedy: string
}

function describeFlock(path: string): LockHeld {
  const remedy = 'it is held for milliseconds at a time: a process that hangs has to be ended'
  return { lock: path, holder: describeHolders(path), remedy }
}

function describeDirectory(path: string): LockHeld {
  const lock = `${path}.lock`
  const holder = 'a process that keeps it fresh and that flock does not see, on another machine'
  return { lock, holder, remedy: `if there is none, remove it: rmdir ${lock}` }
}

function timedOut(waitedMs: number, { lock, holder, remedy }: LockHeld): CniError {
  return new CniError(
    ErrorCode.tryAgainLater,
    `waited ${waitedMs} ms for the lock ${lock}`,
    `held by ${holder}; ${remedy}`,
  )
}

/** Takes proper-lockfile's lock. Its timer never fires, since nothing yields while it is held. */
function lockDirectory(path: string, { log, now }: Context): () => void {
  try {
    removeDeadLock(`${path}.lock`, now(), log)
    const unlock = lockSync(path, { realpath: false, stale: staleMs, fs })
    return () => release(path, unlock, log)
  } catch (error) {
    // A DEL on a full disk must work, and where disks fill up flock mostly does its work.
    if (!hasCode(error, 'ENOSPC', 'EDQUOT')) throw error
    log.warn(`going on with flock alone: ${errorText(error)}`)
    return () => undefined
  }
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
 * Removes the lock of a process that was killed. proper-lockfile would in the end: but it dates a
 * lock up to 1 s ahead, and one from the future, because the clock was set back since, would not go
 * stale before the clock has caught up.
 */
function removeDeadLock(lock: string, now: number, log: Log): void {
  const stat = statSync(lock, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (stat.mtimeMs > now + staleMs) {
    log.warn(`removing ${lock}: it is dated ${stat.mtime.toISOString()}, which is in the future`)
  } else if (stat.ctimeMs < now - staleMs) {
    log.debug(`removing ${lock}: the process that made it was killed`)
  } else {
    return
  }
  try {
    rmdirSync(lock)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error // another call was faster
  }
}
