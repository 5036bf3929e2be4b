/** What to do when a file cannot be installed. */
import { CniError, ErrorCode, errorText, hasCode } from '../../../lib/cni/errors.ts'

/**
 * Runs a step that writes in `folder`. What the file system refuses is thrown as a `CniError`
 * whose details say what to do about it.
 */
export function withRemedy<T>(folder: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (error instanceof CniError) throw error
    const message = `cannot write in ${folder}: ${errorText(error)}`
    throw new CniError(ErrorCode.ioFailure, message, remedy(folder, error), { cause: error })
  }
}

function remedy(folder: string, error: unknown): string {
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) {
    return `the executable takes 150 MB, twice that during an upgrade: see df -h ${folder}`
  }
  if (hasCode(error, 'EROFS')) {
    return 'it is mounted read-only: mount it writable, or choose another folder'
  }
  if (hasCode(error, 'EACCES', 'EPERM')) {
    return 'run this as root; if it is root, lsattr shows whether a file may not be changed'
  }
  if (hasCode(error, 'ENOTDIR', 'EISDIR', 'EEXIST')) {
    return 'a file stands where a folder should be, or the other way round: move it away'
  }
  return ''
}
