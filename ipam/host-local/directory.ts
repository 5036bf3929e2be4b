/** The directory of a network's reservations. */
import { accessSync, constants, existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { errorText } from '../../lib/base/errors.ts'
import { makeFolder } from '../../lib/base/files.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'

/** Makes the directory as Go's host-local does. Throws a `CniError` with code 5. */
export function makeDirectory(directory: string): void {
  try {
    makeFolder(directory, 0o755)
  } catch (error) {
    throw unwritable(directory, error)
  }
}

/**
 * Throws a `CniError` with code 5 unless reservations can be written in the directory, or it can be
 * made.
 */
export function checkWritable(directory: string): void {
  let existing = directory
  while (!existsSync(existing)) existing = dirname(existing)
  try {
    // With a slash at its end, a path that is no directory is refused.
    accessSync(`${existing}/`, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unwritable(directory, error)
  }
}

function unwritable(directory: string, error: unknown): CniError {
  return new CniError(
    ErrorCode.ioFailure,
    errorText(error),
    `reservations are kept in ${directory}, which must be a writable directory; ` +
      'ipam.dataDir chooses another place',
    { cause: error },
  )
}
