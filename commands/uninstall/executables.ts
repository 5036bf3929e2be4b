/** The executables and the network configurations. */
import { existsSync, lstatSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isSameFile } from '../../lib/base/same-file.ts'
import { readStamp } from '../../lib/base/stamp.ts'
import { stageName } from '../install/stage.ts'
import type { Package } from '../package.ts'
import type { Removal, Say } from './removal.ts'

/** Whether the file at the path is of this plugin set, and of this version. */
export function isOurs(path: string, { executable, version }: Package): boolean {
  return isSameFile(path, executable) || readStamp(path) === version
}

/**
 * The executables that are ours, fronts before the `cni` that they execute; of others that have our
 * names is said that they stay.
 */
export function planExecutables(own: Package, binDir: string, say: Say): Removal[] {
  const stage = join(binDir, stageName)
  const fronts = own.names.filter((name) => name !== 'cni')
  return [
    ...(existsSync(stage) ? [planPath(stage)] : []),
    ...fronts.concat('cni').flatMap((name) => {
      const path = join(binDir, name)
      if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return []
      if (isOurs(path, own)) return [planPath(path)]
      say(`keeping ${path}: ${whose(path, own)}`)
      return []
    }),
  ]
}

function whose(path: string, { version }: Package): string {
  const found = readStamp(path)
  return found === undefined
    ? 'it is of another plugin set'
    : `it has version ${found}, and this is ${version}: remove it with its own cni uninstall`
}

/** The removal of a file, or of a folder with all that is in it. */
export function planPath(path: string): Removal {
  return { what: path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
