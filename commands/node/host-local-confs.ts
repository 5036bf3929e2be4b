/** What host-local is called with on this node, by the configurations of its networks. */
import { footprint as hostLocal } from '../../ipam/host-local/footprint.ts'
import { readSmallFile } from '../../lib/base/files.ts'
import { parseNetConf } from '../../lib/cni/net-conf.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import { currentVersion } from '../../lib/cni/versions.ts'
import { parseSubnetEnv } from '../../lib/flannel/subnet-env.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { type PluginConf, pluginStdin } from '../../lib/libcni/plugin-conf.ts'
import { parseFlannelConf } from '../../plugins/flannel/conf.ts'
import { buildDelegateConf } from '../../plugins/flannel/delegate-conf.ts'
import { footprint as flannel } from '../../plugins/flannel/footprint.ts'
import { ipamTypeOf } from './plugin-calls.ts'

/**
 * The calls of host-local that a STATUS of the network's plugins leads to. Throws a `CniError` when
 * a configuration is wrong, and what the file system throws when subnet.env cannot be read.
 */
export function hostLocalRequests(list: NetworkConfigList): Request[] {
  return list.plugins
    .map((plugin) => requestOf(plugin, list))
    .map((request) => (request.conf['type'] === flannel.plugin ? delegated(request) : request))
    .filter(({ conf }) => ipamTypeOf(conf) === hostLocal.plugin)
}

function requestOf(plugin: PluginConf, list: NetworkConfigList): Request {
  return statusOf(pluginStdin(plugin, list, {}))
}

/** What flannel makes of its configuration and of what flanneld has leased. */
function delegated(request: Request): Request {
  const conf = parseFlannelConf(request)
  const env = parseSubnetEnv(readSmallFile(conf.subnetFile), conf.subnetFile)
  return statusOf(buildDelegateConf(conf, env).stdin)
}

/** A STATUS in our version: which one the runtime speaks does not matter for addresses. */
function statusOf(stdin: string): Request {
  const conf = parseNetConf(stdin)
  return {
    network: conf.name,
    ...{ command: 'STATUS', containerId: '', netns: '', ifName: '', args: '', path: '' },
    conf: { ...conf, cniVersion: currentVersion },
    configuredVersion: conf.cniVersion,
    stdin,
    env: {},
  }
}
