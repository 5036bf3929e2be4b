import { closeSync, openSync } from 'node:fs'
import { hasCode } from '../../lib/base/errors.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { flock } from '../../lib/linux/libc.ts'

// sys/file.h
const LOCK_EX = 2
const LOCK_NB = 4

/**
 * Keeps other installers out of a folder until it is disposed of, or the process ends however it
 * does. Throws a `CniError` with code 11 when one is at work there.
 */
export function lockFolder(folder: string): Disposable {
  const fd = openSync(folder, 'r')
  try {
    flock(fd, LOCK_EX | LOCK_NB)
  } catch (error) {
    closeSync(fd)
    if (!hasCode(error, 'EAGAIN')) throw error
    throw new CniError(
      ErrorCode.tryAgainLater,
      `another cni install is at work in ${folder}`,
      'it takes seconds: try again then',
      { cause: error },
    )
  }
  return { [Symbol.dispose]: () => closeSync(fd) }
}
