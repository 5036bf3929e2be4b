/** VLANs of bridge ports on the wire: links of the family AF_BRIDGE (linux/if_bridge.h). */
import {
  attribute,
  attributeSet,
  decodeAttributes,
  encodeAttributes,
  withAttributes,
} from './attribute.ts'
import { ifinfomsg } from './link.ts'
import { u32 } from './payload.ts'
import { type Codec, struct } from './struct.ts'

// linux/if_bridge.h: bridge_vlan_info.flags
export const BRIDGE_VLAN_INFO_PVID = 0x2
export const BRIDGE_VLAN_INFO_UNTAGGED = 0x4
export const BRIDGE_VLAN_INFO_RANGE_END = 0x10

/** linux/if_bridge.h: the attribute of IFLA_AF_SPEC that occurs once per VLAN. */
const IFLA_BRIDGE_VLAN_INFO = 2

const bridgeVlanInfo = struct('bridge_vlan_info', 4, { flags: ['u16', 0], id: ['u16', 2] })

export type VlanInfo = ReturnType<typeof bridgeVlanInfo.decode>

const vlanList: Codec<VlanInfo[]> = {
  encode(vlans) {
    return encodeAttributes(
      vlans.map((vlan) => ({ type: IFLA_BRIDGE_VLAN_INFO, payload: bridgeVlanInfo.encode(vlan) })),
    )
  },
  decode(bytes) {
    return decodeAttributes(bytes)
      .filter(({ type }) => type === IFLA_BRIDGE_VLAN_INFO)
      .map(({ payload }) => bridgeVlanInfo.decode(payload))
  },
}

/** The codec of the VLANs of a bridge port. */
export const bridgeVlanMessage = withAttributes(
  ifinfomsg,
  // linux/if_link.h: IFLA_*
  attributeSet({
    vlans: attribute(26, 'IFLA_AF_SPEC', vlanList),
    extMask: attribute(29, 'IFLA_EXT_MASK', u32),
  }),
)
