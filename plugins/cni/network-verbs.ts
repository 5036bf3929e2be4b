/** The verbs about a whole network. Each returns what stands on stdout. */
import type { NetworkConfigList } from '../../lib/cni/conf-list.ts'
import { gcNetworkList, statusNetworkList, type Runtime } from '../../lib/cni/runtime.ts'
import { isAtLeast } from '../../lib/cni/versions.ts'
import { isNetns } from './sandbox.ts'

/** Says that the network is ready; throws the error of the first plugin that is not. */
export function status(runtime: Runtime, list: NetworkConfigList): string {
  statusNetworkList(runtime, list)
  return isAtLeast(list.cniVersion, '1.1.0')
    ? `network ${JSON.stringify(list.name)} is ready\n`
    : `not asked: ${oldVersion(list, 'STATUS')}\n`
}

/** Removes what is left of attachments whose namespace is gone, and says how many there were. */
export function gc(runtime: Runtime, list: NetworkConfigList): string {
  if (list.disableGC) {
    return `nothing done: network ${JSON.stringify(list.name)} has "disableGC": true\n`
  }
  const cached = runtime.cache.list(list.name, runtime.log)
  // Older runtimes keep no path: such an attachment may well be in use.
  const valid = cached.filter(({ netns }) => netns === '' || isNetns(netns))
  gcNetworkList(runtime, list, valid)
  const counts = `attachments kept: ${valid.length}, removed: ${cached.length - valid.length}\n`
  return isAtLeast(list.cniVersion, '1.1.0')
    ? counts
    : `${counts}plugins were not called with GC: ${oldVersion(list, 'GC')}\n`
}

function oldVersion({ name, cniVersion }: NetworkConfigList, command: string): string {
  const version = JSON.stringify(cniVersion)
  return `network ${JSON.stringify(name)} has cniVersion ${version}, and ${command} came with 1.1.0`
}
