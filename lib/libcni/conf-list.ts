/**
 * Network configuration lists: what stands in a `.conflist` file (CNI specification, section 1
 * "Network configuration format").
 */
import { encodeJson, isObject, sortKeys } from '../base/json.ts'
import { CniError, ErrorCode, withPrefix } from '../cni/errors.ts'
import { parseJson } from '../cni/parse-json.ts'
import { currentVersion, isAtLeast, parseVersion } from '../cni/versions.ts'
import { parsePluginConf, type PluginConf } from './plugin-conf.ts'

export interface NetworkConfigList {
  readonly name: string
  /** The version that the plugins are called with; empty when the list names none. */
  readonly cniVersion: string
  readonly disableCheck: boolean
  readonly disableGC: boolean
  /** Whether the plugins in the folder of the network's name are left out. */
  readonly loadOnlyInlinedPlugins: boolean
  readonly plugins: readonly PluginConf[]
  /** The text that the list was read from: what a runtime keeps in its cache. */
  readonly source: string
}

type Json = Readonly<Record<string, unknown>>

/**
 * Reads a list from the text of its file. `plugins` may be missing, since plugins can stand in a
 * folder of their own. Throws a `CniError`: code 6 for what is not JSON or no version, code 7 for
 * what is not a list.
 */
export function parseConfList(source: string): NetworkConfigList {
  const raw = parseJson(source, 'error parsing configuration list: ')
  const head = withPrefix('error parsing configuration list: ', () => parseHead(raw))
  const plugins = head.plugins.map((plugin, index) =>
    withPrefix(`failed to parse plugin config ${index}: `, () => parsePluginConf(plugin)),
  )
  return { ...head, plugins, source }
}

/** A single configuration as a list of one plugin, the form that older runtimes had. */
export function listOfOne(plugin: PluginConf): NetworkConfigList {
  const { name, cniVersion, conf } = plugin
  const list = sortKeys({ name, cniVersion, plugins: [conf] })
  return parseConfList(encodeJson(list))
}

function parseHead(raw: unknown) {
  if (!isObject(raw)) throw invalid(`expected an object, found ${JSON.stringify(raw)}`)
  const loadOnlyInlinedPlugins = flag(raw, 'loadOnlyInlinedPlugins')
  if (loadOnlyInlinedPlugins && raw['plugins'] === undefined) {
    throw invalid("`loadOnlyInlinedPlugins` is true, and no 'plugins' key")
  }
  return {
    name: nameOf(raw),
    cniVersion: chooseVersion(raw),
    disableCheck: flag(raw, 'disableCheck'),
    disableGC: flag(raw, 'disableGC'),
    loadOnlyInlinedPlugins,
    plugins: pluginsOf(raw),
  }
}

function nameOf({ name }: Json): string {
  if (name === undefined) throw invalid('no name')
  if (typeof name === 'string') return name
  throw invalid(`invalid name ${JSON.stringify(name)}: expected a string`)
}

function pluginsOf({ plugins }: Json): unknown[] {
  if (plugins === undefined) return []
  if (!Array.isArray(plugins)) {
    throw invalid(`invalid 'plugins' ${JSON.stringify(plugins)}: expected an array`)
  }
  if (plugins.length === 0) throw invalid('no plugins in list')
  return plugins
}

/** A boolean, or its text in any case. */
function flag(raw: Json, key: string): boolean {
  const value = raw[key] ?? false
  const text = typeof value === 'string' ? value.toLowerCase() : value
  if (text === true || text === 'true') return true
  if (text === false || text === 'false') return false
  throw invalid(`invalid value ${JSON.stringify(text)} for ${key}`)
}

/**
 * The version to call the plugins with: the newest of `cniVersions` and `cniVersion` that is not
 * newer than ours. Without `cniVersions`, `cniVersion` counts as it is.
 */
function chooseVersion({ cniVersion = '', cniVersions }: Json): string {
  if (typeof cniVersion !== 'string') {
    throw invalid(`invalid cniVersion ${JSON.stringify(cniVersion)}: expected a string`)
  }
  if (cniVersions === undefined) return cniVersion
  if (!Array.isArray(cniVersions)) {
    throw invalid(`invalid cniVersions ${JSON.stringify(cniVersions)}: expected an array`)
  }
  const named = cniVersions.map((version: unknown, index) =>
    checkVersion(version, `cniVersions entry ${String(version)} at index ${index}`),
  )
  if (cniVersion !== '') named.push(checkVersion(cniVersion, `cniVersion ${cniVersion}`))
  const usable = named.filter((version) => isAtLeast(currentVersion, version))
  return usable.sort((a, b) => (isAtLeast(a, b) ? 1 : -1)).at(-1) ?? cniVersion
}

function checkVersion(version: unknown, what: string): string {
  if (typeof version !== 'string') throw invalid(`invalid ${what}: expected a string`)
  withPrefix(`invalid ${what}: `, () => parseVersion(version))
  return version
}

function invalid(problem: string): CniError {
  return new CniError(
    ErrorCode.invalidNetworkConfig,
    problem,
    'a configuration list is an object with "name", "cniVersion" and an array "plugins"',
  )
}
