/** The addresses that the bridge has as the gateway of the pods. */
import { CniError, ErrorCode, hasCode, withPrefix } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import { addressAdd, addressDelete, addressList, type Address } from '../../lib/net/address.ts'
import {
  contains,
  family,
  formatCidr,
  network,
  sameCidr,
  type Cidr,
  type Family,
} from '../../lib/net/ip.ts'
import { linkList, linkSet, type Link } from '../../lib/net/link.ts'
import { writeSysctl } from '../../lib/net/sysctl.ts'
import type { Connection } from '../../lib/netlink/connection.ts'

/** RT_SCOPE_LINK, linux/rtnetlink.h. */
const linkScope = 253

export interface GatewayOptions {
  /** Whether addresses that are in the way are replaced even while pods use them. */
  readonly forceAddress: boolean
  /** The bridge whose ports use the addresses. */
  readonly bridge: Link
  readonly log: Log
}

/**
 * Gives `device`, the bridge or its device in a VLAN, the gateways' addresses. An address that is
 * in the way, of another subnet that this node had before, is replaced when no pod uses it or when
 * that is forced; else a `CniError` says what stands against it. The device's MAC is set to what it
 * is, which keeps the kernel from ever changing it.
 */
export function ensureGatewayAddresses(
  host: Connection,
  device: Link,
  gateways: readonly Cidr[],
  options: GatewayOptions,
): void {
  for (const each of [4, 6] as const) {
    const wanted = gateways.filter(({ ip }) => family(ip) === each)
    if (wanted.length > 0) ensureAddresses(host, device, each, wanted, options)
  }
}

function ensureAddresses(
  host: Connection,
  device: Link,
  of: Family,
  wanted: readonly Cidr[],
  options: GatewayOptions,
): void {
  const present = addressList(host, device.index, of)
  const missing = wanted.filter((gateway) => !present.some(({ cidr }) => sameCidr(cidr, gateway)))
  if (missing.length === 0) return
  const conflicts = present
    .filter(({ cidr }) => !wanted.some((gateway) => sameCidr(cidr, gateway)))
    .filter((address) => missing.some((gateway) => isConflict(address, gateway)))
  if (conflicts.length > 0) removeConflicts(host, device, missing, conflicts, options)
  for (const gateway of missing) addGatewayAddress(host, device, gateway)
  withPrefix("could not set bridge's mac: ", () => linkSet(host, device.index, { mac: device.mac }))
}

/** Every other IPv4 address is in the way; in IPv6 only one whose network overlaps. */
function isConflict({ cidr, scope }: Address, gateway: Cidr): boolean {
  if (family(gateway.ip) === 4) return true
  if (scope === linkScope) return false
  return contains(cidr, network(gateway).ip) || contains(gateway, network(cidr).ip)
}

function addGatewayAddress(host: Connection, device: Link, gateway: Cidr): void {
  withPrefix(`could not add IP address ${formatCidr(gateway)} to "${device.name}": `, () => {
    try {
      addressAdd(host, device.index, { cidr: gateway, nodad: family(gateway.ip) === 6 })
    } catch (error) {
      // Another ADD on this node has just added it.
      if (!hasCode(error, 'EEXIST')) throw error
    }
  })
}

function removeConflicts(
  host: Connection,
  device: Link,
  missing: readonly Cidr[],
  conflicts: readonly Address[],
  { forceAddress, bridge, log }: GatewayOptions,
): void {
  const found = conflicts.map(({ cidr }) => formatCidr(cidr)).join(', ')
  const wanted = missing.map(formatCidr).join(', ')
  const users = countUsers(host, bridge, device)
  if (users > 0 && !forceAddress) throw inUse(device.name, found, wanted, users)
  log.warn(
    `replacing address ${found} of ${device.name} by ${wanted}: ` +
      (forceAddress ? 'forceAddress is set' : 'no pod uses it'),
  )
  for (const { cidr } of conflicts) deleteAddress(host, device, cidr)
}

/** How many ports of the bridge work; `device`, when its other end is one, does not count. */
function countUsers(host: Connection, bridge: Link, device: Link): number {
  return linkList(host, { master: bridge.index })
    .filter(({ peer, peerNetnsId }) => peer !== device.index || peerNetnsId !== undefined)
    .filter(({ operState }) => operState === 'up').length
}

function deleteAddress(host: Connection, device: Link, cidr: Cidr): void {
  try {
    addressDelete(host, device.index, cidr)
  } catch (error) {
    // Another ADD on this node has just deleted it.
    if (!hasCode(error, 'EADDRNOTAVAIL')) throw error
  }
}

function inUse(name: string, found: string, wanted: string, users: number): CniError {
  return new CniError(
    ErrorCode.internal,
    `"${name}" already has an IP address different from ${wanted}`,
    `it has ${found}, and ${users} running ${users === 1 ? 'pod holds' : 'pods hold'} it: this ` +
      'node got a new subnet while pods of the old one still run. Drain the node or delete these ' +
      'pods, and the address is replaced by itself; or set "forceAddress": true, which cuts them off',
  )
}

const forwardingSysctl: Readonly<Record<Family, string>> = {
  4: 'net/ipv4/ip_forward',
  6: 'net/ipv6/conf/all/forwarding',
}

/** Has the host forward packets of a family; writes nothing when it does already. */
export function enableForwarding(of: Family): void {
  withPrefix('failed to enable forwarding: ', () => writeSysctl(forwardingSysctl[of], '1'))
}
