import { accessSync, constants } from 'node:fs'
import { makeFolder } from '../../lib/base/files.ts'
import { withRemedy } from './remedy.ts'

/** Makes a folder unless it is there. Throws a `CniError` when nothing can be written in it. */
export function prepareFolder(folder: string): void {
  withRemedy(folder, () => {
    makeFolder(folder, 0o755)
    // With a slash at its end, a path that is no folder is refused.
    accessSync(`${folder}/`, constants.W_OK | constants.X_OK)
  })
}
