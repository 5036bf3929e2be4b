/** Links on the wire: RTM_NEWLINK and its kin (rtnetlink(7), linux/if_link.h). */
import { attribute, attributeSet, withAttributes } from './attribute.ts'
import {
  flag,
  i32,
  ipAddress,
  macAddress,
  presence,
  raw,
  text,
  u16be,
  u32,
  u8,
  zeroTerminated,
} from './payload.ts'
import { type Codec, struct } from './struct.ts'

// linux/rtnetlink.h
export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const RTM_SETLINK = 19

// linux/if.h: enum net_device_flags
export const IFF_UP = 0x1
export const IFF_PROMISC = 0x100
export const IFF_LOWER_UP = 0x10000

// linux/rtnetlink.h: IFLA_EXT_MASK
export const RTEXT_FILTER_BRVLAN_COMPRESSED = 0x4
export const RTEXT_FILTER_SKIP_STATS = 0x8

/** linux/rtnetlink.h */
export const ifinfomsg = struct('ifinfomsg', 16, {
  family: ['u8', 0],
  type: ['u16', 2],
  index: ['i32', 4],
  flags: ['u32', 8],
  change: ['u32', 12],
})

/** linux/if_link.h: IFLA_*, what any new link can be given, the peer of a veth too. */
const common = {
  mtu: attribute(4, 'IFLA_MTU', u32),
  mac: attribute(1, 'IFLA_ADDRESS', macAddress),
  master: attribute(10, 'IFLA_MASTER', u32),
  netnsFd: attribute(28, 'IFLA_NET_NS_FD', u32),
  name: attribute(3, 'IFLA_IFNAME', zeroTerminated),
}

/** linux/if_link.h: IFLA_BR_*, what IFLA_INFO_DATA is for the kind `bridge`. */
const bridge = attributeSet({
  vlanFiltering: attribute(7, 'IFLA_BR_VLAN_FILTERING', flag),
})

/** linux/if_link.h: IFLA_BRPORT_*, what IFLA_INFO_SLAVE_DATA is for the kind `bridge`. */
const bridgePort = attributeSet({
  state: attribute(1, 'IFLA_BRPORT_STATE', u8),
  hairpin: attribute(4, 'IFLA_BRPORT_MODE', flag),
  isolated: attribute(33, 'IFLA_BRPORT_ISOLATED', flag),
})

/** linux/veth.h: what IFLA_INFO_DATA is for the kind `veth`. */
const veth = attributeSet({
  peer: attribute(1, 'VETH_INFO_PEER', withAttributes(ifinfomsg, attributeSet(common))),
})

/** linux/if_link.h: IFLA_VXLAN_*, what IFLA_INFO_DATA is for the kind `vxlan`. */
const vxlan = attributeSet({
  vni: attribute(1, 'IFLA_VXLAN_ID', u32),
  parent: attribute(3, 'IFLA_VXLAN_LINK', u32),
  localIpv4: attribute(4, 'IFLA_VXLAN_LOCAL', ipAddress),
  learning: attribute(7, 'IFLA_VXLAN_LEARNING', flag),
  port: attribute(15, 'IFLA_VXLAN_PORT', u16be),
  localIpv6: attribute(17, 'IFLA_VXLAN_LOCAL6', ipAddress),
  gbp: attribute(23, 'IFLA_VXLAN_GBP', presence),
})

/** linux/if_link.h: IFLA_INFO_*. */
const info = attributeSet({
  kind: attribute(1, 'IFLA_INFO_KIND', text),
  data: attribute(2, 'IFLA_INFO_DATA', raw),
  portKind: attribute(4, 'IFLA_INFO_SLAVE_KIND', text),
  portData: attribute(5, 'IFLA_INFO_SLAVE_DATA', raw),
})

export type BridgePortData = ReturnType<typeof bridgePort.decode>
export type VxlanData = ReturnType<typeof vxlan.decode>

/** What kind of link it is, and what that kind has of its own. */
export interface LinkInfo {
  readonly kind?: string | undefined
  /** For the kind `bridge`. */
  readonly bridge?: ReturnType<typeof bridge.decode> | undefined
  /** For a new link of the kind `veth`. */
  readonly veth?: ReturnType<typeof veth.decode> | undefined
  /** For the kind `vxlan`. */
  readonly vxlan?: VxlanData | undefined
  /** The kind of its master. */
  readonly portKind?: string | undefined
  /** For a port of a bridge. */
  readonly bridgePort?: BridgePortData | undefined
}

const linkInfo: Codec<LinkInfo> = {
  encode({ kind, portKind, ...data }) {
    return info.encode({
      kind,
      data:
        (data.bridge && bridge.encode(data.bridge)) ??
        (data.veth && veth.encode(data.veth)) ??
        (data.vxlan && vxlan.encode(data.vxlan)),
      portKind,
      portData: data.bridgePort && bridgePort.encode(data.bridgePort),
    })
  },
  decode(bytes) {
    const { data, portData, ...kinds } = info.decode(bytes)
    return {
      ...kinds,
      ...(data && kinds.kind === 'bridge' && { bridge: bridge.decode(data) }),
      ...(data && kinds.kind === 'veth' && { veth: veth.decode(data) }),
      ...(data && kinds.kind === 'vxlan' && { vxlan: vxlan.decode(data) }),
      ...(portData && kinds.portKind === 'bridge' && { bridgePort: bridgePort.decode(portData) }),
    }
  },
}

/** The codec of link messages. */
export const linkMessage = withAttributes(
  ifinfomsg,
  // linux/if_link.h: IFLA_*
  attributeSet({
    ...common,
    parent: attribute(5, 'IFLA_LINK', i32),
    operState: attribute(16, 'IFLA_OPERSTATE', u8),
    info: attribute(18, 'IFLA_LINKINFO', linkInfo),
    alias: attribute(20, 'IFLA_IFALIAS', text),
    extMask: attribute(29, 'IFLA_EXT_MASK', u32),
    promiscuity: attribute(30, 'IFLA_PROMISCUITY', u32),
    parentNetnsId: attribute(37, 'IFLA_LINK_NETNSID', i32),
  }),
)

/** A link message as it is written: whatever is left out is zero or not sent. */
export type LinkRequest = Parameters<typeof linkMessage.encode>[0]
