/** The network configuration: a file of its own in the folder of the runtime's configurations. */
import { basename, join } from 'node:path'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { readSmallFile, replaceFile } from '../../lib/base/files.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { findPlugin } from '../../lib/cni/find-plugin.ts'
import { type NetworkConfigList, parseConfList } from '../../lib/libcni/conf-list.ts'
import { located } from '../../lib/libcni/located.ts'
import { conflistName, type InstallSettings } from '../settings.ts'
import { conflistText } from './conflist-text.ts'
import { withRemedy } from './remedy.ts'
import { syncPath } from './sync-path.ts'

/** A configuration to install. */
export interface Conflist {
  readonly text: string
  readonly list: NetworkConfigList
  /** Whether somebody has chosen it, and wants it whatever is there. */
  readonly chosen: boolean
}

/** The configuration that was asked for, or the one that comes with the plugins. */
export function loadConflist({ conflist: file }: Pick<InstallSettings, 'conflist'>): Conflist {
  if (file === undefined) {
    return { text: conflistText, list: parseConfList(conflistText), chosen: false }
  }
  const text = readChosen(file)
  const list = located(file, 'correct it, or name another file', () => parseConfList(text))
  return { text, list, chosen: true }
}

function readChosen(file: string): string {
  try {
    return readSmallFile(file)
  } catch (error) {
    const message = `cannot read the configuration to install: ${errorText(error)}`
    const remedy = 'name the file of a network configuration list: --conflist FILE, or CNI_CONFLIST'
    throw new CniError(ErrorCode.ioFailure, message, remedy, { cause: error })
  }
}

/**
 * Installs it as `10-flannel.conflist`, whole. Our own does not replace one that somebody has
 * changed: it is put beside it, under a name that no runtime reads.
 */
export function installConflist(
  { text, chosen }: Conflist,
  confDir: string,
  say: (line: string) => void,
): void {
  const path = join(confDir, conflistName)
  const found = readIfThere(path)
  if (found === text) return say(`${path} is up to date`)
  if (found === undefined || chosen) {
    write(path, text)
    return say(found === undefined ? `installed ${path}` : `replaced ${path}, which differed`)
  }
  const problem = problemOf(found)
  if (problem !== undefined) {
    write(path, text)
    return say(`replaced ${path}, which was no network configuration: ${problem}`)
  }
  write(`${path}.new`, text)
  say(`kept ${path}, which differs; the new one is ${path}.new`)
}

function readIfThere(path: string): string | undefined {
  try {
    return readSmallFile(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    const message = `cannot read what is in the place of our configuration: ${errorText(error)}`
    throw new CniError(ErrorCode.ioFailure, message, 'move it away', { cause: error })
  }
}

function problemOf(text: string): string | undefined {
  try {
    parseConfList(text)
    return undefined
  } catch (error) {
    if (error instanceof CniError) return errorText(error)
    throw error
  }
}

function write(path: string, text: string): void {
  const folder = join(path, '..')
  withRemedy(folder, () => {
    replaceFile(path, join(folder, `.${basename(path)}.tmp`), text, 0o644)
    syncPath(path)
    syncPath(folder)
  })
}

/** What keeps a pod from getting a network by this configuration: plugins that are not there. */
export function missingPlugins({ list }: Conflist, binDir: string): string[] {
  return list.plugins.flatMap(({ type }) => {
    try {
      findPlugin(type, binDir)
      return []
    } catch (error) {
      return [`${errorText(error)}, and network ${JSON.stringify(list.name)} calls it`]
    }
  })
}
