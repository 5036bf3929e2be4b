/** The executables: one file, with a hard link for each name. */
import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { isSameFile } from '../../../lib/cni/delegate.ts'
import { CniError, ErrorCode } from '../../../lib/cni/errors.ts'
import { isAtLeast } from '../../../lib/cni/versions.ts'
import { readStamp } from '../../../lib/stamp.ts'
import type { Package } from './index.ts'
import { withRemedy } from './remedy.ts'
import { hasSameContent } from './same-content.ts'
import { syncPath } from './sync-path.ts'
import { verifyExecutable } from './verify.ts'

/** Where files are made ready, in the folder that they go to: it holds nothing else. */
export const stageName = '.flannel-cni-ts.new'

const mode = 0o755

/**
 * Gives the executable all its names in `binDir`, by rename: what stands there before, and may be
 * running, is whole until it is replaced by something whole. A newer version stays. Returns the
 * names that the executable has then. The caller keeps other installers out. Throws a `CniError`;
 * before the first rename nothing is changed.
 */
export function installExecutables(
  source: Package,
  binDir: string,
  say: (line: string) => void,
): string[] {
  const stage = join(binDir, stageName)
  if (existsSync(stage)) {
    withRemedy(binDir, () => rmSync(stage, { recursive: true }))
    say(`removed ${stage}, which an interrupted install left`)
  }
  const names = source.names.filter((name) => isReplaceable(join(binDir, name), source, say))
  const paths = names.map((name) => join(binDir, name))
  const present = paths.find((path) => isInstalled(path, source))
  const outdated = names.filter(
    (name) => present === undefined || !isSameFile(join(binDir, name), present),
  )
  if (outdated.length === 0) {
    say(`the executables in ${binDir} are up to date`)
    return names
  }
  try {
    withRemedy(binDir, () => makeReady(stage, outdated, present, source))
    publish(stage, outdated, binDir, say)
    return names
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Whether a name may become ours: it has no newer version. Throws when a folder has it. */
function isReplaceable(path: string, { version }: Package, say: (line: string) => void): boolean {
  requireFile(path)
  const found = readStamp(path)
  if (found === undefined || isAtLeast(version, found)) return true
  say(`kept ${path}: it has version ${found}, ours is ${version}`)
  return false
}

function requireFile(path: string): void {
  if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return
  throw new CniError(
    ErrorCode.ioFailure,
    `${path} is a folder`,
    'the executable gets this name: move the folder away',
  )
}

function isInstalled(path: string, { executable, version }: Package): boolean {
  if (readStamp(path) !== version || (statSync(path).mode & 0o777) !== mode) return false
  return isSameFile(path, executable) || hasSameContent(path, executable)
}

/** Fills the stage: with links of a file that is installed already, or else of a copy. */
function makeReady(
  stage: string,
  names: readonly string[],
  present: string | undefined,
  { executable }: Package,
): void {
  mkdirSync(stage, { mode: 0o700 })
  const [first = '', ...others] = names
  const file = join(stage, first)
  if (present === undefined) copy(executable, file)
  else linkSync(present, file)
  verifyExecutable(stage, first)
  for (const name of others) linkSync(file, join(stage, name))
}

function copy(origin: string, file: string): void {
  copyFileSync(origin, file, constants.COPYFILE_EXCL)
  chmodSync(file, mode)
  syncPath(file) // or a power loss could leave a name that leads to half a file
}

function publish(
  stage: string,
  names: readonly string[],
  binDir: string,
  say: (line: string) => void,
): void {
  for (const name of names) {
    const path = join(binDir, name)
    const before = describe(path)
    withRemedy(binDir, () => renameSync(join(stage, name), path))
    say(before === undefined ? `installed ${path}` : `replaced ${path}, ${before}`)
  }
  syncPath(binDir)
}

/** What stands at the path, as a part of a sentence; undefined for nothing. */
function describe(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  const version = readStamp(path)
  return version === undefined ? 'which was not of this plugin set' : `which had version ${version}`
}
