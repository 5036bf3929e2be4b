/** The lock of a network's reservations that Go's host-local takes, too, and the wait for locks. */
import { closeSync, constants, openSync } from 'node:fs'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { stage } from '../../lib/base/stage.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { flock } from '../../lib/linux/libc.ts'
import { describeHolders } from './lock-holder.ts'

// sys/file.h
const LOCK_EX = 2
const LOCK_NB = 4

/** What is locked in the folder of a network. */
export const lockFile = 'lock'

/**
 * How long a call waits for the others, in ms. They hold the lock for a few milliseconds each, but
 * after a reboot there may be hundreds. A runtime gives all plugins together about two minutes.
 */
export const maxWaitMs = 30_000

/** The first sleep between two attempts, in ms; each is twice as long as the one before. */
const firstStepMs = 0.5

/** The longest sleep, in ms, of a call that has just come. */
const maxStepMs = 32

/** And the shortest, in ms, of one that has waited long: so nobody is overtaken all the time. */
const minStepMs = 2

/** One sleep counts for so many ms at most, whatever the clock says. */
const maxCountedMs = 1000

/**
 * Runs `work` while the process has flock(2) on the file `lock` of the directory: the lock that Go's
 * host-local takes, which the kernel releases however its holder ends. Throws a `CniError` with code
 * 11 when that takes more than 30 s; `work` may wait for another lock as long as patience lasts.
 */
export function withFlock<T>(
  directory: string,
  context: Context,
  work: (patience: Patience) => T,
): T {
  const path = `${directory}/${lockFile}`
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

function openLock(path: string): number {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  try {
    return openSync(path, flags, 0o750)
  } catch (error) {
    const details =
      'the lock must be a regular file in a writable directory; remove anything else in its place'
    throw new CniError(ErrorCode.ioFailure, errorText(error), details, { cause: error })
  }
}

/** What a call has left of the time that it may wait. */
export class Patience {
  readonly context: Context
  #attempts = 0
  #waitedMs = 0

  constructor(context: Context) {
    this.context = context
  }

  /** How long it has waited so far, in ms. */
  get waitedMs(): number {
    return this.#waitedMs
  }

  /** Repeats the attempt while its lock is taken; `describe` says by whom when patience is over. */
  insist<T>(attempt: () => T, describe: () => LockHeld): T {
    return stage('waiting for a lock of reservations', () => this.#repeat(attempt, describe))
  }

  #repeat<T>(attempt: () => T, describe: () => LockHeld): T {
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
    const stepMs = this.#nextStepMs()
    sleep(stepMs)
    this.#waitedMs += Math.min(Math.max(now() - start, stepMs), maxCountedMs)
  }

  #nextStepMs(): number {
    const longest = maxStepMs * (1 - this.#waitedMs / (maxWaitMs / 3))
    return Math.min(firstStepMs * 2 ** this.#attempts++, Math.max(longest, minStepMs))
  }
}

/** A lock that somebody holds, and what to do about it, for messages. */
export interface LockHeld {
  readonly lock: string
  readonly holder: string
  readonly remedy: string
}

function describeFlock(path: string): LockHeld {
  const remedy = 'it is held for milliseconds at a time: a process that hangs has to be ended'
  return { lock: path, holder: describeHolders(path), remedy }
}

function timedOut(waitedMs: number, { lock, holder, remedy }: LockHeld): CniError {
  return new CniError(
    ErrorCode.tryAgainLater,
    `waited ${Math.round(waitedMs)} ms for the lock ${lock}`,
    `held by ${holder}; ${remedy}`,
  )
}
