import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../../lib/base/errors.ts'
import { stage } from '../../lib/base/stage.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { flock } from '../../lib/linux/libc.ts'
import { makeRecordsFolder } from './records.ts'

// sys/file.h
const LOCK_EX = 2
const LOCK_NB = 4

/** What is locked in the folder of records. */
export const lockFile = 'lock'

/** How long a call waits for others, in ms: longer than one of them waits for the xtables lock. */
const maxWaitMs = 30_000
const stepMs = 5

/** One sleep counts for so many ms at most, whatever the clock says. */
const maxCountedMs = 1000

/**
 * Runs `work` while no other portmap of ours looks at rules or changes them: between seeing that a
 * port is free and taking it there is time. Throws a `CniError` with code 11 after 30 s of waiting.
 */
export function withLock<T>(folder: string, context: Context, work: () => T): T {
  makeRecordsFolder(folder)
  const path = join(folder, lockFile)
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW
  const fd = openSync(path, flags, 0o600)
  try {
    stage('waiting for the lock of host ports', () => waitForLock(fd, path, context))
    return stage('working under the lock', work)
  } finally {
    closeSync(fd) // and with it the lock
  }
}

function waitForLock(fd: number, path: string, { now, sleep }: Context): void {
  for (let waitedMs = 0; !tryLock(fd);) {
    if (waitedMs >= maxWaitMs) throw timedOut(path)
    const start = now()
    sleep(stepMs) // which takes longer on a busy machine; the clock may be set meanwhile
    waitedMs += Math.min(Math.max(now() - start, stepMs), maxCountedMs)
  }
}

function tryLock(fd: number): boolean {
  try {
    flock(fd, LOCK_EX | LOCK_NB)
    return true
  } catch (error) {
    if (hasCode(error, 'EAGAIN')) return false // EWOULDBLOCK is the same number on Linux
    throw error
  }
}

function timedOut(path: string): CniError {
  return new CniError(
    ErrorCode.tryAgainLater,
    `waited ${maxWaitMs} ms for the lock ${path}`,
    `another portmap holds it, which fuser ${path} names; it waits for iptables or nft`,
  )
}
