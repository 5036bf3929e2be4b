/** The two executables, and what is theirs in the folder of executables. */
import { chmodSync, constants, copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { isSameFile } from '../../lib/base/same-file.ts'
import { readStamp } from '../../lib/base/stamp.ts'
import type { Package } from '../package.ts'
import { hasSameContent } from './same-content.ts'
import { syncPath } from './sync-path.ts'

/** A file, and the names that it is to have. */
export interface NamedFile {
  readonly names: readonly string[]
  /** Whether it stands at the path, as it was installed. */
  isAt(path: string): boolean
  /** Writes it to a path where nothing is, and to the disk. */
  writeTo(path: string): void
}

const mode = 0o755

/** The Node executable, which has all plugins in it. */
export function nodeExecutable(
  { executable, version }: Package,
  names: readonly string[],
): NamedFile {
  return {
    names,
    isAt: (path) =>
      isInstalled(path, version) &&
      (isSameFile(path, executable) || hasSameContent(path, executable)),
    writeTo: (path) => {
      copyFileSync(executable, path, constants.COPYFILE_EXCL)
      finish(path)
    },
  }
}

/** The front, which executes `cni` beside it when no server does the work. */
export function frontExecutable(
  bytes: Uint8Array,
  { version }: Package,
  names: readonly string[],
): NamedFile {
  return {
    names,
    isAt: (path) =>
      isInstalled(path, version) &&
      statSync(path).size === bytes.length &&
      readFileSync(path).equals(bytes),
    writeTo: (path) => {
      writeFileSync(path, bytes, { flag: 'wx' })
      finish(path)
    },
  }
}

function isInstalled(path: string, version: string): boolean {
  return readStamp(path) === version && (statSync(path).mode & 0o777) === mode
}

function finish(path: string): void {
  chmodSync(path, mode)
  syncPath(path) // or a power loss could leave a name that leads to half a file
}
