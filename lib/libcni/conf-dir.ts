/** The folder in which network configurations stand, `/etc/cni/net.d` as a rule. */
import { readdirSync } from 'node:fs'
import { dirname, extname, join } from 'node:path'
import { errorText, hasCode } from '../base/errors.ts'
import { readSmallFile } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import { CniError, ErrorCode } from '../cni/errors.ts'
import { checkNetworkName } from '../cni/names.ts'
import { parseJson } from '../cni/parse-json.ts'
import { listOfOne, type NetworkConfigList, parseConfList } from './conf-list.ts'
import { located } from './located.ts'
import { parsePluginConf, type PluginConf } from './plugin-conf.ts'

const remedy = 'correct it, or move it out of the folder'

/**
 * Finds the configuration of a network by its name: first in the `.conflist` files, in the order
 * of their names, then in the single configurations (`.conf`, `.json`) of older runtimes. Throws a
 * `CniError` when there is none, or when a file before it cannot be read: that file may be the one
 * that is meant.
 */
export function findConfList(folder: string, name: string): NetworkConfigList {
  const lists = confFiles(folder, '.conflist')
  for (const file of lists) {
    const list = readConfList(file)
    if (list.name === name) return addFolderPlugins(file, list)
  }
  const singles = confFiles(folder, '.conf', '.json')
  for (const file of singles) {
    const plugin = readPluginConf(file)
    if (plugin.name === name) return located(file, remedy, () => listOfOne(plugin))
  }
  throw notFound(folder, name, [...lists, ...singles])
}

/** A configuration list and the file that it stands in. */
export interface ConfFile {
  readonly file: string
  readonly list: NetworkConfigList
}

/**
 * Every configuration in the folder, in the order in which `findConfList` looks at them. A file
 * that cannot be read is logged: it may be anybody's.
 */
export function readConfFiles(folder: string, log: Log): ConfFile[] {
  const readList = (file: string) => addFolderPlugins(file, readConfList(file))
  const readSingle = (file: string) => listOfOne(readPluginConf(file))
  return [
    ...confFiles(folder, '.conflist').flatMap((file) => tryRead(file, readList, log)),
    ...confFiles(folder, '.conf', '.json').flatMap((file) => tryRead(file, readSingle, log)),
  ]
}

function tryRead(file: string, read: (file: string) => NetworkConfigList, log: Log): ConfFile[] {
  try {
    return [{ file, list: read(file) }]
  } catch (error) {
    log.warn(`${file} is left alone: ${errorText(error)}`)
    return []
  }
}

/** The list in a file without the plugins of the folder beside it. */
function readConfList(file: string): NetworkConfigList {
  const source = readConf(file)
  return located(file, remedy, () => parseConfList(source))
}

/** The list with the plugins of the folder beside its file that has the network's name. */
function addFolderPlugins(file: string, list: NetworkConfigList): NetworkConfigList {
  if (list.loadOnlyInlinedPlugins) return list
  located(file, remedy, () => checkNetworkName(list.name)) // it must not lead out of the folder
  const folder = join(dirname(file), list.name)
  const plugins = [...list.plugins, ...confFiles(folder, '.conf').map(readPluginConf)]
  if (plugins.length > 0) return { ...list, plugins }
  throw new CniError(
    ErrorCode.invalidNetworkConfig,
    'no plugin configs found',
    `${file} has no "plugins", and there is no *.conf in ${folder}; add plugins to either`,
  )
}

function readPluginConf(file: string): PluginConf {
  const source = readConf(file)
  return located(file, remedy, () =>
    parsePluginConf(parseJson(source, 'error parsing configuration: ')),
  )
}

function readConf(file: string): string {
  try {
    return readSmallFile(file)
  } catch (error) {
    throw ioFailure(`error reading ${file}: `, remedy, error)
  }
}

/** The paths of the files in `folder` with one of the extensions, in byte order. */
function confFiles(folder: string, ...extensions: string[]): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => !entry.isDirectory() && extensions.includes(extname(entry.name)))
      .map((entry) => join(folder, entry.name))
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    const remedy = 'NETCONFPATH names the folder of configurations, /etc/cni/net.d without it'
    throw ioFailure(`failed to read configuration files in ${folder}: `, remedy, error)
  }
}

function ioFailure(prefix: string, details: string, error: unknown): CniError {
  const message = `${prefix}${errorText(error)}`
  return new CniError(ErrorCode.ioFailure, message, details, { cause: error })
}

function notFound(folder: string, name: string, files: readonly string[]): CniError {
  if (files.length === 0) {
    return new CniError(
      ErrorCode.invalidNetworkConfig,
      `no net configurations found in ${folder}`,
      'put a .conflist file there, or name another folder',
    )
  }
  return new CniError(
    ErrorCode.invalidNetworkConfig,
    `no net configuration with name ${JSON.stringify(name)} in ${folder}`,
    `looked for "name": ${JSON.stringify(name)} in ${files.join(', ')}`,
  )
}
