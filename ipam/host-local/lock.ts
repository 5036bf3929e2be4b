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

/** After so many ms the lock of a killed process counts for nothing: proper-lockfile's least. */
const staleMs = 2000

/** The calls that proper-lockfile makes; a copy of all of `fs`, as it makes one, takes longer. */
const fs = { mkdirSync, realpathSync, rmdirSync, statSync, utimesSync }

/**
 * Runs `work` while no other host-local, of ours or of Go's, works in the directory. Throws a
 * `CniError` with code 11 when that takes more than 10 s.
 *
 * There are two locks. flock(2) on the file `lock` is the one that Go's host-local takes; the
 * kernel releases it however its holder ends. proper-lockfile's directory `lock.lock`, made while
 * the other is held, is what excludes processes on file systems where flock does not.
 */
export function withLock<T>(directory: string, context: Context, work: () => T): T {
  const path = `${directory}/lock`
  const fd = openLock(path)
  try {
    const patience: Patience = { context, waitedMs: 0, stepMs: 1 }
    insist(
      patience,
      () => flock(fd, LOCK_EX | LOCK_NB),
      () => describeFlock(path),
    )
    const unlock = insist(
      patience,
      () => lockDirectory(path, context),
      () => describeDirectory(path),
    )
    try {
      return work()
    } finally {
      unlock()
    }
  } finally {
    closeSync(fd) // and with it the flock
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

/** What is left of the time that a call may wait. */
interface Patience {
  readonly context: Context
  waitedMs: number
  stepMs: number
}

/** Repeats the attempt while its lock is taken; `describe` says by whom when patience is over. */
function insist<T>(patience: Patience, attempt: () => T, describe: () => LockHeld): T {
  for (;;) {
    try {
      return attempt()
    } catch (error) {
      // EWOULDBLOCK of flock(2) is EAGAIN on Linux; ELOCKED is proper-lockfile's.
      if (!hasCode(error, 'EAGAIN', 'ELOCKED')) throw error
      if (patience.waitedMs >= maxWaitMs) throw timedOut(patience, describe())
    }
    patience.context.sleep(patience.stepMs)
    patience.waitedMs += patience.stepMs
    patience.stepMs = Math.min(2 * patience.stepMs, maxStepMs)
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

function timedOut({ waitedMs }: Patience, { lock, holder, remedy }: LockHeld): CniError {
  return new CniError(
    ErrorCode.tryAgainLater,
    `waited ${waitedMs} ms for the lock ${lock}`,
    `held by ${holder}; ${remedy}`,
  )
}

/** Takes proper-lockfile's lock. Its timer never fires, since nothing yields while it is held. */
function lockDirectory(path: string, { log, now }: Context): () => void {
  removeFutureLock(`${path}.lock`, now(), log)
  const unlock = lockSync(path, { realpath: false, stale: staleMs, fs })
  return () => {
    try {
      unlock()
    } catch (error) {
      // The work is done, and a lock that stays is soon stale.
      log.warn(`releasing ${path}.lock: ${errorText(error)}`)
    }
  }
}

/**
 * Removes a lock from the future: its process was killed, and the clock was set back since. It
 * would not go stale before the clock has caught up; one in use is dated 1 s ahead at most.
 */
function removeFutureLock(lock: string, now: number, log: Log): void {
  const stat = statSync(lock, { throwIfNoEntry: false })
  if (stat === undefined || stat.mtimeMs <= now + staleMs) return
  log.warn(`removing ${lock}: it is dated ${stat.mtime.toISOString()}, which is in the future`)
  rmdirSync(lock)
}
