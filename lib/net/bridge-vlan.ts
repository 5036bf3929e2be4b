/** VLANs of bridge ports: the verbs of `bridge vlan`, bridge(8). */
import { AF_BRIDGE } from '../netlink/address-family.ts'
import {
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_RANGE_END,
  BRIDGE_VLAN_INFO_UNTAGGED,
  bridgeVlanMessage,
  type VlanInfo,
} from '../netlink/bridge-vlan.ts'
import type { Connection } from '../netlink/connection.ts'
import {
  RTEXT_FILTER_BRVLAN_COMPRESSED,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_SETLINK,
} from '../netlink/link.ts'
import { NLM_F_DUMP } from '../netlink/message.ts'
import { indexName } from './link.ts'

/** One VLAN of a port. */
export interface Vlan {
  /** 1 to 4094. */
  readonly id: number
  /** Whether untagged frames that come in belong to it. */
  readonly pvid: boolean
  /** Whether its frames leave without a tag. */
  readonly untagged: boolean
}

/** Adds VLANs to the port `index`; throws a `NetlinkError`: `ENOTSUP` without VLAN filtering. */
export function vlanAdd(connection: Connection, index: number, vlans: readonly Vlan[]): void {
  change(connection, index, 'add', vlans)
}

/** Removes VLANs from the port `index`; throws a `NetlinkError`. */
export function vlanDelete(connection: Connection, index: number, vlans: readonly Vlan[]): void {
  change(connection, index, 'delete', vlans)
}

function change(
  connection: Connection,
  index: number,
  verb: 'add' | 'delete',
  vlans: readonly Vlan[],
): void {
  const ids = vlans.map(({ id }) => id).join(',')
  connection.execute({
    operation: `bridge vlan ${verb} dev ${indexName(index)} vid ${ids}`,
    type: verb === 'add' ? RTM_SETLINK : RTM_DELLINK,
    payload: bridgeVlanMessage.encode({ family: AF_BRIDGE, index, vlans: vlans.map(encodeVlan) }),
  })
}

/** The VLANs of the port `index` in ascending order. */
export function vlanList(connection: Connection, index: number): Vlan[] {
  const messages = connection.execute({
    operation: 'bridge vlan show',
    type: RTM_GETLINK,
    flags: NLM_F_DUMP,
    payload: bridgeVlanMessage.encode({
      family: AF_BRIDGE,
      extMask: RTEXT_FILTER_BRVLAN_COMPRESSED,
    }),
  })
  return messages
    .map(({ payload }) => bridgeVlanMessage.decode(payload))
    .filter((message) => message.index === index)
    .flatMap(({ vlans = [] }) => vlans.flatMap(decodeVlan))
}

function encodeVlan({ id, pvid, untagged }: Vlan): VlanInfo {
  const flags = (pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0)
  return { id, flags }
}

/** The VLANs of one entry; a range is two entries, and the second one stands for all but the first. */
function decodeVlan({ id, flags }: VlanInfo, index: number, all: readonly VlanInfo[]): Vlan[] {
  const begin = flags & BRIDGE_VLAN_INFO_RANGE_END ? (all[index - 1]?.id ?? id - 1) + 1 : id
  return Array.from({ length: id - begin + 1 }, (_, i) => ({
    id: begin + i,
    pvid: (flags & BRIDGE_VLAN_INFO_PVID) !== 0,
    untagged: (flags & BRIDGE_VLAN_INFO_UNTAGGED) !== 0,
  }))
}
