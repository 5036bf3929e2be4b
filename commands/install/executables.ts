/** The executables: `cni` is the Node executable, and the plugins' names are those of the front. */
import { existsSync, lstatSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isSameFile } from '../../lib/base/same-file.ts'
import { readStamp } from '../../lib/base/stamp.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { isAtLeast } from '../../lib/cni/versions.ts'
import type { InstallSource, Package } from '../package.ts'
import { frontExecutable, type NamedFile, nodeExecutable } from './named-file.ts'
import { withRemedy } from './remedy.ts'
import { type Contents, fillStage, frontFolder, nodeFolder, stageName } from './stage.ts'
import { syncPath } from './sync-path.ts'

type Say = (line: string) => void

/**
 * Gives the executables their names in `binDir`, by rename: what stands there before, and may be
 * running, is whole until it is replaced by something whole. A newer version stays. Returns the
 * names that are of this version then, and which of them were replaced. The caller keeps other
 * installers out. Throws a `CniError`; before the first rename nothing is changed.
 *
 * A front executes the `cni` beside it, so none may stand beside a `cni` of another version, not
 * even for a moment: first the plugins become the Node executable, which needs no other file, then
 * `cni` does, and then the plugins become the front.
 */
export function installExecutables(
  source: InstallSource,
  binDir: string,
  say: Say,
): { readonly names: readonly string[]; readonly replaced: readonly string[] } {
  const stage = join(binDir, stageName)
  if (existsSync(stage)) {
    withRemedy(binDir, () => rmSync(stage, { recursive: true }))
    say(`removed ${stage}, which an interrupted install left`)
  }
  const names = source.names.filter((name) => isReplaceable(join(binDir, name), source, say))
  const { node, front } = chooseFiles(source, names)
  const outdated = [front, node].flatMap((file) => (file ? outdatedNames(file, binDir) : []))
  if (outdated.length === 0) {
    say(`the executables in ${binDir} are up to date`)
    return { names, replaced: [] }
  }
  try {
    const contents = { node, front, outdated }
    withRemedy(binDir, () => fillStage(stage, binDir, contents))
    publish(stage, binDir, contents, say)
    return { names, replaced: outdated }
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

/** Whether a name may become ours: it has no newer version. Throws when a folder has it. */
function isReplaceable(path: string, { version }: Package, say: Say): boolean {
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

/** Which file gets which of the names. Beside a newer `cni` there can be no front of ours. */
function chooseFiles(
  source: InstallSource,
  names: readonly string[],
): Pick<Contents, 'node' | 'front'> {
  const front = names.includes('cni') ? source.readFront() : undefined
  if (front === undefined) return { node: nodeExecutable(source, names), front }
  const plugins = names.filter((name) => name !== 'cni')
  return {
    node: nodeExecutable(source, ['cni']),
    front: frontExecutable(front, source, plugins),
  }
}

/** The names that the file does not have, all of them links of one. */
function outdatedNames(file: NamedFile, binDir: string): string[] {
  const present = file.names.map((name) => join(binDir, name)).find((path) => file.isAt(path))
  return file.names.filter(
    (name) => present === undefined || !isSameFile(join(binDir, name), present),
  )
}

function publish(stage: string, binDir: string, contents: Contents, say: Say): void {
  const { front, outdated } = contents
  const before = new Map(outdated.map((name) => [name, describe(join(binDir, name))]))
  const replace = (folder: string, names: readonly string[]) => {
    for (const name of names) {
      withRemedy(binDir, () => renameSync(join(stage, folder, name), join(binDir, name)))
    }
    syncPath(binDir)
  }
  const tell = (name: string) => {
    const path = join(binDir, name)
    const found = before.get(name)
    say(found === undefined ? `installed ${path}` : `replaced ${path}, ${found}`)
  }
  const fronts = outdated.filter((name) => front?.names.includes(name))
  replace(nodeFolder, outdated)
  outdated.filter((name) => !fronts.includes(name)).forEach(tell)
  if (fronts.length > 0) replace(frontFolder, fronts)
  fronts.forEach(tell)
}

/** What stands at the path, as a part of a sentence; undefined for nothing. */
function describe(path: string): string | undefined {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
  const version = readStamp(path)
  return version === undefined ? 'which was not of this plugin set' : `which had version ${version}`
}
