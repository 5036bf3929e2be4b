/** VLANs on the ports of the bridge, and the gateway's device inside one. */
import { withPrefix } from '../../lib/cni/errors.ts'
import { checkIfName } from '../../lib/cni/names.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import type { Undo } from '../../lib/cni/undo.ts'
import { vlanAdd, vlanDelete, vlanList, type Vlan } from '../../lib/net/bridge-vlan.ts'
import { linkByName, linkSet, vethAdd, type Link } from '../../lib/net/link.ts'
import { interfaceSysctl } from '../../lib/net/sysctl.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { hasVlans } from './bridge.ts'
import type { BridgeConf } from './conf.ts'
import { trySysctl } from './try-sysctl.ts'
import { deleteLink, randomMac, randomName } from './veth.ts'

/** What untagged frames of a trunk belong to when no VLAN is configured for them. */
const defaultVlan = 1

/** The VLANs that a port of this configuration has beside those it keeps: pure. */
export function portVlans({ vlan, vlanTrunk = [] }: BridgeConf): Vlan[] {
  const native = vlan ?? defaultVlan
  return [
    { id: native, pvid: true, untagged: true },
    ...vlanTrunk.filter((id) => id !== native).map((id) => ({ id, pvid: false, untagged: false })),
  ]
}

/** Puts a port into the VLANs of the configuration, and out of those it was born in. */
export function configureVlans(host: Connection, port: Link, conf: BridgeConf): void {
  if (!hasVlans(conf)) return
  withPrefix(`failed to setup VLANs of ${port.name}: `, () => {
    const born = conf.preserveDefaultVlan ? [] : vlanList(host, port.index)
    if (born.length > 0) vlanDelete(host, port.index, born)
    vlanAdd(host, port.index, portVlans(conf))
  })
}

/**
 * The device that holds the gateway's address inside the VLAN: `<bridge>.<vlan>`, one end of a
 * veth pair whose other end is a port of the bridge. Made once and used by all pods of the VLAN.
 */
export function ensureVlanGateway(
  host: Connection,
  bridge: Link,
  vlan: number,
  context: Context,
  undo: Undo,
): Link {
  const name = `${bridge.name}.${vlan}`
  return withPrefix(`failed to create vlan interface: "${name}": `, () => {
    const found = linkByName(host, name)
    if (found !== undefined) return found
    checkIfName(name)
    const peer = { name, mtu: bridge.mtu, mac: randomMac(context) }
    const end = { name: randomName(context), mtu: bridge.mtu, master: bridge.index, peer }
    const port = vethAdd(host, end)
    undo.add(`link ${name}`, () => deleteLink(host, port))
    vlanAdd(host, port.index, [{ id: vlan, pvid: true, untagged: true }])
    trySysctl(interfaceSysctl('ipv6', name, 'accept_ra'), '0', context.log)
    const device = linkByName(host, name)
    if (device === undefined) throw new Error('it vanished')
    linkSet(host, device.index, { up: true })
    return device
  })
}
