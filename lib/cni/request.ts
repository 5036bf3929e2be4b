/** A call of a plugin as it is asked for: from its environment and its configuration. */
import type { Environment } from '../base/environment.ts'
import { negotiateVersion } from './negotiate.ts'
import type { UncheckedNetConf } from './net-conf.ts'
import type { PluginCommand, Request } from './plugin.ts'

/** The request, with `conf` as parsed from `stdin`. Throws a `CniError` for a version of no use. */
export function buildRequest(
  command: PluginCommand,
  env: Environment,
  conf: UncheckedNetConf,
  stdin: string,
): Request {
  return {
    command,
    network: conf.name,
    containerId: env['CNI_CONTAINERID'] ?? '',
    netns: env['CNI_NETNS'] ?? '',
    ifName: env['CNI_IFNAME'] ?? '',
    args: env['CNI_ARGS'] ?? '',
    path: env['CNI_PATH'] ?? '',
    conf: { ...conf, cniVersion: negotiateVersion(command, conf.cniVersion) },
    configuredVersion: conf.cniVersion,
    stdin,
    // A delegate of a configuration with `log` logs at the same level.
    env: typeof conf['log'] === 'string' ? { ...env, CNI_LOG_LEVEL: conf['log'] } : env,
  }
}
