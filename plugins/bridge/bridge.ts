/** The bridge device. */
import { hasCode } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import { interfaceSysctl, readSysctl } from '../../lib/linux/sysctl.ts'
import { bridgeAdd, type Link, linkByIndex, linkByName, linkSet } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Attaching } from './attaching.ts'
import type { BridgeConf } from './conf.ts'
import { deleteUnused } from './delete-link.ts'
import { awaitMark, markFoundBridge } from './found-bridge.ts'
import { isZeroMac, randomMac, seededMac } from './mac.ts'
import { canMark, isMarked, madeMark } from './mark.ts'
import { trySysctl } from './try-sysctl.ts'
import { hasVlans } from './vlan-conf.ts'
import { explainVlanError } from './vlan.ts'

/**
 * The bridge of the configuration, created when it is missing, up and promiscuous as asked for.
 * Runs in the host's namespace. Throws when the name belongs to something else.
 */
export function ensureBridge(attaching: Attaching): Link {
  const { conf, context, places } = attaching
  const { host } = places
  return withPrefix(`failed to create bridge "${conf.bridge}": `, () => {
    const isThere = linkByName(host, conf.bridge) !== undefined
    const made = isThere ? undefined : createBridge(attaching)
    const bridge = made ?? awaitMark(attaching)
    if (bridge.kind !== 'bridge') throw notABridge(bridge)
    warnOfVlans(bridge, conf, context.log)
    const promiscuous = conf.promiscMode && !bridge.promiscuous ? true : undefined
    if (!isMarked(bridge.alias)) {
      const mark = made === undefined ? markFoundBridge(attaching, bridge) : madeMark
      const alias = canMark(bridge.alias) ? mark : undefined
      linkSet(host, bridge.index, { mac: macOf(bridge), alias, up: true, promiscuous })
    } else if (!bridge.up || promiscuous) {
      linkSet(host, bridge.index, { up: true, promiscuous })
    }
    trySysctl(interfaceSysctl('ipv6', bridge.name, 'accept_ra'), '0', context.log)
    return bridge
  })
}

/**
 * The MAC that a bridge has to keep. One that nobody has set follows the ports, which breaks the
 * pods' ARP caches, so it is set before the first port of ours comes. Several ADDs at once set the
 * same, also that of a bridge which has lost its MAC with its last port.
 */
function macOf({ mac, index }: Link): string {
  return isZeroMac(mac) ? seededMac(`${readSysctl('kernel/random/boot_id')} ${index}`) : mac
}

/**
 * With a MAC from the start, the kernel never changes it as ports come and go. Undefined when another
 * ADD on this node was faster.
 */
function createBridge({ conf, context, places: { host }, undo }: Attaching): Link | undefined {
  const { bridge: name, mtu } = conf
  const mac = randomMac(context)
  const vlanFiltering = hasVlans(conf) ? true : undefined
  return withPrefix(`could not add "${name}": `, () => {
    // Declared before: the kernel's answer may get lost, behind a bridge that it has made.
    undo.add(`link ${name}`, () => {
      const bridge = linkByName(host, name)
      if (bridge?.mac === mac) deleteUnused(host, bridge, bridge)
    })
    try {
      const bridge = bridgeAdd(host, { name, mtu, mac, vlanFiltering })
      // While its own link-local address is tentative, for about 2 s, the kernel asks no pod of the
      // bridge for its MAC: the first pod could not be reached. Nobody else has the address.
      if (conf.isGateway) {
        trySysctl(interfaceSysctl('ipv6', name, 'accept_dad'), '0', context.log)
      }
      return bridge
    } catch (error) {
      if (hasCode(error, 'EEXIST')) return undefined
      throw vlanFiltering ? explainVlanError(error) : error
    }
  })
}

function notABridge({ name, kind = 'physical interface' }: Link): CniError {
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

/** The bridge now that it has got a port, and up; throws when it was deleted before that. */
export function joinedBridge(
  host: Connection,
  { index, name }: Link,
  { promiscMode }: BridgeConf,
): Link {
  const bridge = linkByIndex(host, index)
  if (bridge === undefined) throw new Error(`bridge ${name} was deleted meanwhile`)
  // Another ADD that failed has put back what the bridge was like before.
  if (!bridge.up) linkSet(host, index, { up: true, promiscuous: promiscMode || undefined })
  return bridge
}

/** Warns of packets that are lost: a bridge follows its ports' MTU unless somebody set its own. */
export function warnOfMtu({ name, mtu }: Link, conf: BridgeConf, log: Log): void {
  if (conf.mtu === undefined || mtu <= conf.mtu) return
  log.warn(
    `bridge ${name} has MTU ${mtu}, the pods ${conf.mtu}: larger packets to them are lost. ` +
      `To change it: ip link set ${name} mtu ${conf.mtu}`,
  )
}
