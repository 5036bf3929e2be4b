/** The networks that flannel makes, by what is configured and by what is saved. */
import type { NetConf } from '../../lib/cni/plugin.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { footprint as flannel } from '../../plugins/flannel/footprint.ts'
import { footprint as portmap } from '../../plugins/portmap/footprint.ts'
import { callsFrom, callsOf, type PluginCall } from '../node/plugin-calls.ts'

export interface Network {
  readonly name: string
  /** The plugins of ours that it calls. */
  readonly calls: readonly PluginCall[]
}

/** The network of a configuration list; none when flannel is not in it, or no ADD would succeed. */
export function networksOf(list: NetworkConfigList): Network[] {
  const calls = callsOf(list)
  const isFlannel = calls.some(({ footprint }) => footprint === flannel)
  return isFlannel ? [{ name: list.name, calls }] : []
}

/** The network of the configuration that a delegate was called with: its list may be gone. */
export function networkOfDelegate(conf: NetConf): Network {
  // Nothing tells whether the list had host ports.
  const chained = { name: conf.name, cniVersion: conf.cniVersion, type: portmap.plugin }
  return { name: conf.name, calls: [conf, chained].flatMap((each) => callsFrom(each)) }
}
