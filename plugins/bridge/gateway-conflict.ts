/** Which addresses of a bridge are in the way of its pods' gateways, and whose they are: pure. */
import { type Cidr, contains, family, lastIp, network, sameCidr, sameIp } from '../../lib/ip/ip.ts'
import type { Address } from '../../lib/net/address.ts'
import type { Link } from '../../lib/net/link.ts'
import { firstHost } from './addressing.ts'
import { canMark, markedAddresses } from './mark.ts'

// linux/rtnetlink.h: RT_SCOPE_*
const globalScope = 0
const linkScope = 253

/** The bridge that Go's plugins make for flannel, and for every network that names none. */
const wellKnownBridge = 'cni0'

/** What the device that holds the gateways, and the bridge, have. */
export interface Standing {
  readonly device: Link
  /** The addresses, of one family or of both. */
  readonly present: readonly Address[]
}

export interface Comparison {
  /** What is wanted and not there. */
  readonly missing: readonly Cidr[]
  /** What is in the way of that. */
  readonly conflicts: readonly Address[]
}

/** Compares the addresses of one family with the gateways that the device has to have. */
export function compareAddresses(standing: Standing, wanted: readonly Cidr[]): Comparison {
  const { present, device } = standing
  const missing = wanted.filter((gateway) => !present.some(({ cidr }) => sameCidr(cidr, gateway)))
  const marked = markedAddresses(device.alias)
  const isMarked = ({ cidr }: Address) => marked.some((own) => sameCidr(own, cidr))
  const isShared = present.some(isMarked)
  const conflicts = present
    .filter(({ cidr }) => !wanted.some((gateway) => sameCidr(cidr, gateway)))
    .filter((address) => {
      // What an operator has added to a bridge with an address of ours was meant to be beside it.
      const isAlone = family(address.cidr.ip) === 4 && (!isShared || isMarked(address))
      return missing.some((gateway) => isAlone || overlaps(address, gateway))
    })
  return { missing, conflicts }
}

function overlaps({ cidr, scope }: Address, gateway: Cidr): boolean {
  if (scope === linkScope) return false
  return contains(cidr, network(gateway).ip) || contains(gateway, network(cidr).ip)
}

/** Whether this plugin, or Go's, gave the device an address: then it may be replaced. */
export function isOurs(standing: Standing, ports: readonly Link[], address: Address): boolean {
  const marked = markedAddresses(standing.device.alias)
  return (
    marked.some((own) => sameCidr(own, address.cidr)) ||
    (isMadeByGo(standing, ports) && isGoGateway(address))
  )
}

/**
 * Whether the device is the bridge that Go's plugin has made, which leaves no mark. It is known by
 * the well-known name where it looks as that plugin leaves it: veths only, and one IPv4 address, the
 * first of its subnet, with the broadcast address that ip(8) does not set by itself.
 */
export function isMadeByGo({ device, present }: Standing, ports: readonly Link[]): boolean {
  const own = present.filter(({ cidr, scope }) => scope === globalScope && family(cidr.ip) === 4)
  return (
    device.name === wellKnownBridge &&
    canMark(device.alias) &&
    ports.every(({ kind }) => kind === 'veth') &&
    own.length === 1 &&
    own.every(isGoGateway)
  )
}

function isGoGateway({ cidr, broadcast, permanent, scope }: Address): boolean {
  return (
    scope === globalScope &&
    permanent &&
    family(cidr.ip) === 4 &&
    sameIp(cidr.ip, firstHost(cidr)) &&
    broadcast !== undefined &&
    sameIp(broadcast, lastIp(cidr))
  )
}
