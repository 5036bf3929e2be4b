/** What to do when a file cannot be installed. */
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'

/**
 * Runs a step that writes in `folder`. What the file system refuses is thrown as a `CniError` that
 * names the folder; one of a full disk says how much is needed.
 */
export function withRemedy<T>(folder: string, step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (error instanceof CniError) throw error
    const message = `cannot write in ${folder}: ${errorText(error)}`
    const remedy = hasCode(error, 'ENOSPC', 'EDQUOT')
      ? `the executable takes 150 MB, twice that during an upgrade: see df -h ${folder}`
      : ''
    throw new CniError(ErrorCode.ioFailure, message, remedy, { cause: error })
  }
}
