/** VLANs on the ports of the bridge, and the gateway's device inside one. */
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import { checkIfName } from '../../lib/cni/names.ts'
import { interfaceSysctl } from '../../lib/linux/sysctl.ts'
import { type Vlan, vlanAdd, vlanDelete, vlanList } from '../../lib/net/bridge-vlan.ts'
import { type Link, linkByName, linkSet, vethAdd } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Attaching } from './attaching.ts'
import { deleteUnused } from './delete-link.ts'
import { randomMac } from './mac.ts'
import { trySysctl } from './try-sysctl.ts'
import { randomVethName } from './veth-name.ts'
import { hasVlans, type VlanConf } from './vlan-conf.ts'

/** What untagged frames of a trunk belong to when no VLAN is configured for them. */
const defaultVlan = 1

/** The VLANs that a port of this configuration has beside those it keeps: pure. */
export function portVlans({ vlan, vlanTrunk = [] }: VlanConf): Vlan[] {
  const native = vlan ?? defaultVlan
  return [
    { id: native, pvid: true, untagged: true },
    ...vlanTrunk.filter((id) => id !== native).map((id) => ({ id, pvid: false, untagged: false })),
  ]
}

/** Puts a port into the VLANs of the configuration, and out of those it was born in. */
export function configureVlans(host: Connection, port: Link, conf: VlanConf): void {
  if (!hasVlans(conf)) return
  withPrefix(`failed to setup VLANs of ${port.name}: `, () => {
    try {
      setVlans(host, port.index, conf)
    } catch (error) {
      throw explainVlanError(error)
    }
  })
}

/** The error with its cause in words, where it is that the kernel does not know VLANs of ports. */
export function explainVlanError(error: unknown): unknown {
  if (!hasCode(error, 'ENOTSUP')) return error
  return new CniError(
    ErrorCode.internal,
    errorText(error),
    'this kernel was built without VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING): use another ' +
      'one, or remove "vlan" and "vlanTrunk" from the network configuration',
    { cause: error },
  )
}

function setVlans(host: Connection, port: number, conf: VlanConf): void {
  const wanted = portVlans(conf)
  const found = conf.preserveDefaultVlan ? [] : vlanList(host, port)
  const others = found.filter(({ id }) => !wanted.some((vlan) => vlan.id === id))
  if (others.length > 0) vlanDelete(host, port, others)
  vlanAdd(host, port, wanted)
}

/** What the names of gateways in VLANs begin with; the number of the VLAN follows. */
export function vlanGatewayPrefix({ name }: Pick<Link, 'name'>): string {
  return `${name}.`
}

/**
 * The device that holds the gateway's address inside the VLAN: `<bridge>.<vlan>`, one end of a
 * veth pair whose other end is a port of the bridge. Made once and used by all pods of the VLAN.
 */
export function ensureVlanGateway(attaching: Attaching, bridge: Link): Link {
  const { conf, context, places } = attaching
  const { host } = places
  const name = `${vlanGatewayPrefix(bridge)}${conf.vlan}`
  return withPrefix(`failed to create vlan interface: "${name}": `, () => {
    checkIfName(name)
    const device = linkByName(host, name) ?? createVlanGateway(attaching, bridge, name)
    if (device.kind !== 'veth' || device.parent === undefined) throw notAVeth(device)
    // Also when it was there: the ADD that created it may have been interrupted.
    setVlans(host, device.parent, { ...conf, vlanTrunk: undefined })
    trySysctl(interfaceSysctl('ipv6', name, 'accept_ra'), '0', context.log)
    if (!device.up) linkSet(host, device.index, { up: true })
    return device
  })
}

function createVlanGateway(
  { context, places: { host }, undo }: Attaching,
  bridge: Link,
  name: string,
): Link {
  const peer = { name, mtu: bridge.mtu, mac: randomMac(context) }
  const end = { name: randomVethName(context), mtu: bridge.mtu, mac: randomMac(context) }
  try {
    const port = vethAdd(host, { ...end, master: bridge.index, peer })
    undo.add(`link ${name}`, () => deleteUnused(host, port, bridge))
  } catch (error) {
    // Another ADD on this node has just created it.
    if (!hasCode(error, 'EEXIST')) throw error
  }
  const device = linkByName(host, name)
  if (device === undefined) throw new Error('it vanished')
  return device
}

function notAVeth({ name, kind = 'physical interface' }: Link): CniError {
  return new CniError(
    ErrorCode.internal,
    `"${name}" already exists but is not a veth`,
    `it is a ${kind}; rename it, or set "vlan" or "bridge" in the network configuration to another`,
  )
}
