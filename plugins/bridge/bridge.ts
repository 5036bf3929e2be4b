/** The bridge device. */
import { CniError, ErrorCode, hasCode, withPrefix } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import { bridgeAdd, linkByIndex, linkByName, linkSet, type Link } from '../../lib/net/link.ts'
import { interfaceSysctl } from '../../lib/net/sysctl.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { BridgeConf } from './conf.ts'
import { trySysctl } from './try-sysctl.ts'

/**
 * The bridge of the configuration, created when it is missing, up and promiscuous as asked for.
 * `mac` is the address of a new one: it is set when the bridge is created, so that the kernel
 * never changes it as ports come and go. Runs in the host's namespace. Throws when the name
 * belongs to something else.
 */
export function ensureBridge(host: Connection, conf: BridgeConf, mac: string, log: Log): Link {
  return withPrefix(`failed to create bridge "${conf.bridge}": `, () => {
    const found = linkByName(host, conf.bridge)
    const bridge = found ?? createBridge(host, conf, mac)
    if (bridge.kind !== 'bridge') throw notABridge(conf.bridge, bridge)
    if (found !== undefined) warnOfVlans(found, conf, log)
    trySysctl(interfaceSysctl('ipv6', conf.bridge, 'accept_ra'), '0', log)
    const promiscuous = conf.promiscMode && !bridge.promiscuous ? true : undefined
    if (!bridge.up || promiscuous) linkSet(host, bridge.index, { up: true, promiscuous })
    return bridge
  })
}

function createBridge(host: Connection, conf: BridgeConf, mac: string): Link {
  const name = conf.bridge
  try {
    return withPrefix(`could not add "${name}": `, () =>
      bridgeAdd(host, { name, mtu: conf.mtu, mac, vlanFiltering: hasVlans(conf) || undefined }),
    )
  } catch (error) {
    // Another ADD on this node has just created it.
    const other = isExist(error) ? linkByName(host, name) : undefined
    if (other === undefined) throw error
    return other
  }
}

function isExist(error: unknown): boolean {
  return error instanceof Error && hasCode(error.cause, 'EEXIST')
}

/** Whether the configuration needs a bridge that filters VLANs. */
export function hasVlans({ vlan, vlanTrunk }: BridgeConf): boolean {
  return vlan !== undefined || vlanTrunk !== undefined
}

function notABridge(name: string, { kind = 'physical interface' }: Link): CniError {
  return new CniError(
    ErrorCode.internal,
    `"${name}" already exists but is not a bridge`,
    `it is a ${kind}; rename it, or set "bridge" in the network configuration to another name`,
  )
}

function warnOfVlans(bridge: Link, conf: BridgeConf, log: Log): void {
  if (!hasVlans(conf) || bridge.vlanFiltering !== false) return
  log.warn(
    `bridge ${bridge.name} does not filter VLANs, so "vlan" and "vlanTrunk" have no effect. To ` +
      `change it: ip link set ${bridge.name} type bridge vlan_filtering 1`,
  )
}

/**
 * The MAC of the bridge now that it has got the port, which `before` had not. A MAC that nobody
 * ever set follows the ports, and breaks the pods' ARP caches: when the new port has just changed
 * it, it is set back, and stays. An MTU that the ports cannot take is warned about: the bridge
 * follows its ports unless somebody set its MTU.
 */
export function keepBridge(host: Connection, before: Link, conf: BridgeConf, log: Log): string {
  const now = linkByIndex(host, before.index) ?? before
  if (conf.mtu !== undefined && now.mtu > conf.mtu) {
    log.warn(
      `bridge ${now.name} has MTU ${now.mtu}, the pods ${conf.mtu}: larger packets to them are ` +
        `lost. To change it: ip link set ${now.name} mtu ${conf.mtu}`,
    )
  }
  if (now.mac === before.mac || isZero(before.mac)) return now.mac
  linkSet(host, before.index, { mac: before.mac })
  return before.mac
}

/** Whether it is the MAC of a bridge that never had a port. */
function isZero(mac: string): boolean {
  return /^(?:00:?)*$/.test(mac)
}
