/**
 * The stage: the folder in the folder of executables where files are made ready. What becomes of
 * them is a rename each, for which no space is needed.
 */
import { linkSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { NamedFile } from './named-file.ts'
import { verifyExecutable } from './verify.ts'

export const stageName = '.flannel-ts.new'

/** The folder of the stage where each name is the Node executable. */
export const nodeFolder = 'node'

/** The folder of the stage where plugins are the front; `cni` is there for it to work. */
export const frontFolder = 'front'

export interface Contents {
  readonly node: NamedFile
  readonly front: NamedFile | undefined
  /** The names that are to be replaced. */
  readonly outdated: readonly string[]
}

/** Fills the stage for `binDir`. Throws a `CniError` when what it has made does not work. */
export function fillStage(stage: string, binDir: string, contents: Contents): void {
  const { node, front, outdated } = contents
  mkdirSync(stage, { mode: 0o700 })
  const alone = join(stage, nodeFolder)
  mkdirSync(alone)
  const cni = join(alone, 'cni')
  place(node, cni, binDir)
  verifyExecutable(alone, 'cni')
  const plugins = outdated.filter((name) => name !== 'cni')
  for (const name of plugins) linkSync(cni, join(alone, name))
  if (front === undefined) return
  const [first, ...others] = plugins.filter((name) => front.names.includes(name))
  if (first === undefined) return
  const folder = join(stage, frontFolder)
  mkdirSync(folder)
  linkSync(cni, join(folder, 'cni'))
  place(front, join(folder, first), binDir)
  verifyExecutable(folder, first)
  for (const name of others) linkSync(join(folder, first), join(folder, name))
}

/** Puts a file at the path: a link of one that is installed already, or else a copy. */
function place(file: NamedFile, path: string, binDir: string): void {
  const present = file.names.map((name) => join(binDir, name)).find((each) => file.isAt(each))
  if (present === undefined) file.writeTo(path)
  else linkSync(present, path)
}
