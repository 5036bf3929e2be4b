/** What the bridge plugin leaves on a node. */
import { isObject } from '../../lib/base/json.ts'
import { parseAlias } from '../../lib/cni/attachment-alias.ts'
import { CniError } from '../../lib/cni/errors.ts'
import type { Footprint } from '../../lib/cni/footprint.ts'
import type { NetConf } from '../../lib/cni/plugin.ts'
import { canonicalize } from '../../lib/cni/schema.ts'
import type { Link } from '../../lib/net/link.ts'
import { confSchema } from './conf-schema.ts'
import { bridgeName } from './conf.ts'
import { isMadeByGo } from './gateway-conflict.ts'
import { madeMark, markIn } from './mark.ts'
import { table } from './masquerade-nftables.ts'
import { hostVethPrefix } from './veth-name.ts'
import { vlanGatewayPrefix } from './vlan.ts'

export const footprint: Footprint = {
  plugin: 'bridge',

  links: {
    bridgeName: readBridgeName,

    isOwnBridge(bridge, addresses, ports) {
      const mark = markIn(bridge.alias)
      if (mark !== undefined) return mark === madeMark
      return isMadeByGo({ device: bridge, present: addresses }, ports)
    },

    /** The gateways in VLANs: veths, the other end a port. */
    besideBridge(bridge, links) {
      return links.filter((link) => isVlanGateway(link, bridge, links))
    },

    attachmentOf({ kind, alias = '' }) {
      return kind === 'veth' ? parseAlias(alias) : undefined
    },

    isHostEndName: (name) => name.startsWith(hostVethPrefix),
  },

  // The chains of masquerading are those of containers, and there is nothing else of it in iptables.
  tables: [table],
}

function isVlanGateway(link: Link, bridge: Link, links: readonly Link[]): boolean {
  return (
    link.kind === 'veth' &&
    link.name.startsWith(vlanGatewayPrefix(bridge)) &&
    links.some((port) => port.index === link.parent && port.master === bridge.index)
  )
}

function readBridgeName(conf: NetConf): string | undefined {
  const canonical = canonicalize(confSchema.schema, conf)
  const { bridge } = isObject(canonical) ? canonical : {}
  try {
    return bridgeName({ ...(typeof bridge === 'string' && { bridge }) })
  } catch (error) {
    if (error instanceof CniError) return undefined
    throw error
  }
}
