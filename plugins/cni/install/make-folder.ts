import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { withRemedy } from './remedy.ts'

/** Makes a folder unless it is there. Throws a `CniError` when nothing can be written in it. */
export function makeFolder(folder: string): void {
  withRemedy(folder, () => {
    let existing = folder
    while (!existsSync(existing)) existing = dirname(existing)
    // mkdir calls a read-only file system `no such file or directory`. With a slash at its end, a
    // path that is no directory is refused.
    accessSync(`${existing}/`, constants.W_OK | constants.X_OK)
    mkdirSync(folder, { recursive: true, mode: 0o755 })
  })
}
