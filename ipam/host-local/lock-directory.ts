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
import { CniError, ErrorCode, errorText, hasCode } from '../../lib/cni/errors.ts'
import type { Context, Log } from '../../lib/cni/plugin.ts'
import type { LockHeld, Patience } from './lock.ts'

/** After so many ms the lock of a killed process counts for nothing: proper-lockfile's least. */
const staleMs = 2000

/** The calls that proper-lockfile makes; a copy of all of `fs`, as it makes one, takes longer. */
const fs = { mkdirSync, realpathSync, rmdirSync, statSync, utimesSync }

/**
 * Runs `work` while the process has proper-lockfile's lock, the directory `lock.lock`. The caller
 * holds flock, which may not exclude other machines. Throws a `CniError` with code 11 when
 * patience is over.
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

function describeDirectory(path: string): LockHeld {
  const lock = `${path}.lock`
  const holder = 'a process that keeps it fresh and that flock does not see, on another machine'
  return { lock, holder, remedy: `if there is none, remove it: rmdir ${lock}` }
}

/** Takes proper-lockfile's lock. Its timer never fires, since nothing yields while it is held. */
function lockDirectory(path: string, { log, now }: Context): () => void {
  try {
    removeDeadLock(`${path}.lock`, now(), log)
    const unlock = lockSync(path, { realpath: false, stale: staleMs, fs })
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
 * Removes the lock of a process that was killed. proper-lockfile would in the end: but it dates a
 * lock up to 1 s ahead, and one from the future, because the clock was set back since, would not go
 * stale before the clock has caught up. Meanwhile no pod would start.
 */
function removeDeadLock(lock: string, now: number, log: Log): void {
  const stat = lstatSync(lock, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isDirectory()) {
    log.warn(`${lock} is no directory, so it is no lock; it is removed`)
    unlinkSync(lock)
    return
  }
  const isFuture = stat.mtimeMs > now + staleMs
  const isStale = stat.ctimeMs < now - staleMs
  if (isFuture || isStale) {
    log.debug(`removing ${lock}: the process that made it was killed`)
    removeIfThere(lock)
  }
}

function removeIfThere(lock: string): void {
  try {
    rmdirSync(lock)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error // another call was faster
  }
}
