/** `cni gc`: has the plugins remove what is left of attachments that are gone. */
import { fullText } from '../lib/base/errors.ts'
import type { Attachment } from '../lib/cni/attachment.ts'
import { attemptAll } from '../lib/cni/attempt-all.ts'
import { ErrorCode, toCniError } from '../lib/cni/errors.ts'
import { isAtLeast } from '../lib/cni/versions.ts'
import type { NetworkConfigList } from '../lib/libcni/conf-list.ts'
import type { PluginConf } from '../lib/libcni/plugin-conf.ts'
import { gcNetworkList, gcPlugin, type Runtime } from '../lib/libcni/runtime.ts'
import { isNetns } from './node/netns.ts'

/**
 * Removes what is left of attachments whose namespace is gone, and says how many there were. Throws
 * a `CniError` before anything is removed when some that are in use may not be known.
 */
export function gc(runtime: Runtime, list: NetworkConfigList): string {
  if (list.disableGC) {
    return `nothing done: network ${JSON.stringify(list.name)} has "disableGC": true\n`
  }
  runtime.cache.requireNames(list.name)
  const cached = runtime.cache.list(list.name, runtime.log)
  // Older runtimes keep no path: such an attachment may well be in use.
  const valid = cached.filter(({ netns }) => netns === '' || isNetns(netns))
  const refusals: string[] = []
  attemptAll([
    () => gcNetworkList(runtime, list, valid),
    () => refusals.push(...gcOlderList(runtime, list, valid)),
  ])
  const counts = `attachments kept: ${valid.length}, removed: ${cached.length - valid.length}`
  return [counts, ...refusals].map((line) => `${line}\n`).join('')
}

const firstWithGc = '1.1.0'

/**
 * Calls the plugins of a list whose version does not have GC in the first one that has it: the
 * answer of GC is the same in all, and what is left behind in older networks would stay for ever.
 * Returns a line for each plugin that does not know GC. Throws one `CniError` for all that failed.
 */
function gcOlderList(
  runtime: Runtime,
  list: NetworkConfigList,
  valid: readonly Attachment[],
): string[] {
  if (isAtLeast(list.cniVersion, firstWithGc)) return []
  const newer = { ...list, cniVersion: firstWithGc }
  const refusals: string[] = []
  const collect = (plugin: PluginConf) => {
    try {
      gcPlugin(runtime, newer, plugin, valid)
    } catch (error) {
      const { code } = toCniError(error)
      if (!withoutGc.includes(code)) throw error
      refusals.push(`${fullText(error)}; it is older than GC`)
    }
  }
  attemptAll(list.plugins.map((plugin) => () => collect(plugin)))
  return refusals
}

/** What plugins answer that know no GC: to the version, or to the command. */
const withoutGc: readonly number[] = [ErrorCode.incompatibleVersion, ErrorCode.invalidEnvironment]
