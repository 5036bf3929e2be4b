/** `cni status`: says whether a network is ready for attachments. */
import { isAtLeast } from '../lib/cni/versions.ts'
import type { NetworkConfigList } from '../lib/libcni/conf-list.ts'
import { type Runtime, statusNetworkList } from '../lib/libcni/runtime.ts'

/** Says that the network is ready; throws the error of the first plugin that is not. */
export function status(runtime: Runtime, list: NetworkConfigList): string {
  statusNetworkList(runtime, list)
  return isAtLeast(list.cniVersion, '1.1.0')
    ? `network ${JSON.stringify(list.name)} is ready\n`
    : `not asked: ${oldVersion(list, 'STATUS')}\n`
}

function oldVersion({ name, cniVersion }: NetworkConfigList, command: string): string {
  const version = JSON.stringify(cniVersion)
  return `network ${JSON.stringify(name)} has cniVersion ${version}, and ${command} came with 1.1.0`
}
