/** Which plugins of ours a network calls, and what each leaves on the node. */
import { footprint as hostLocal } from '../../ipam/host-local/footprint.ts'
import { isObject } from '../../lib/base/json.ts'
import { CniError } from '../../lib/cni/errors.ts'
import type { Footprint, StateFolder } from '../../lib/cni/footprint.ts'
import { parseNetConf } from '../../lib/cni/net-conf.ts'
import type { NetConf } from '../../lib/cni/plugin.ts'
import { canonicalize } from '../../lib/cni/schema.ts'
import { currentVersion } from '../../lib/cni/versions.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { type PluginConf, pluginStdin } from '../../lib/libcni/plugin-conf.ts'
import { footprint as bridge } from '../../plugins/bridge/footprint.ts'
import { footprint as flannel } from '../../plugins/flannel/footprint.ts'
import { footprint as loopback } from '../../plugins/loopback/footprint.ts'
import { footprint as portmap } from '../../plugins/portmap/footprint.ts'

/** Of all plugins of this set. */
export const footprints: readonly Footprint[] = [flannel, bridge, hostLocal, portmap, loopback]

/** A plugin, and the configuration that it is called with. */
export interface PluginCall {
  readonly footprint: Footprint
  readonly conf: NetConf
}

/** Every plugin of ours that a list calls, its delegates and IPAM plugins included. */
export function callsOf(list: NetworkConfigList): PluginCall[] {
  return list.plugins.flatMap((plugin) => {
    const conf = netConfOf(plugin, list)
    return conf === undefined ? [] : callsFrom(conf)
  })
}

/** The plugin that a configuration is for, if it is one of ours, and all that it calls. */
export function callsFrom(conf: NetConf, among: readonly Footprint[] = footprints): PluginCall[] {
  const found = among.find(({ plugin }) => plugin === conf['type'])
  // None calls itself, whatever a configuration says.
  const others = among.filter((footprint) => footprint !== found)
  const delegate = found?.delegate?.(conf)
  const ipam = delegate === undefined ? ipamTypeOf(conf) : undefined
  return [
    ...(found === undefined ? [] : [{ footprint: found, conf }]),
    ...(delegate === undefined ? [] : callsFrom(delegate, others)),
    ...(ipam === undefined ? [] : callsFrom({ ...conf, type: ipam }, others)),
  ]
}

/** The folder of a call's state; undefined when there is none, or none that an ADD could use. */
export function folderOf({ footprint, conf }: PluginCall): StateFolder | undefined {
  try {
    return footprint.folder?.(conf)
  } catch (error) {
    if (error instanceof CniError) return undefined
    throw error
  }
}

/** What a plugin of the list reads; undefined when it would refuse that. */
function netConfOf(plugin: PluginConf, list: NetworkConfigList): NetConf | undefined {
  try {
    // Which version the runtime speaks does not matter for what is left on the node.
    return { ...parseNetConf(pluginStdin(plugin, list, {})), cniVersion: currentVersion }
  } catch (error) {
    if (error instanceof CniError) return undefined
    throw error
  }
}

const keys = { properties: { ipam: { properties: { type: {} } } } }

/** The IPAM plugin (CNI specification, section 1); a plugin is called with its caller's stdin. */
export function ipamTypeOf(conf: NetConf): string | undefined {
  const canonical = canonicalize(keys, conf)
  const ipam = isObject(canonical) ? canonical['ipam'] : undefined
  const type = isObject(ipam) ? ipam['type'] : undefined
  // An IPAM plugin stands at the end: the `ipam` that it reads is about itself.
  return typeof type === 'string' && type !== conf['type'] ? type : undefined
}
