/** The replacement of addresses of the bridge that are in the way of its pods' gateways. */
import { hasCode } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Undo } from '../../lib/cni/undo.ts'
import { type Cidr, type Family, formatCidr, network, sameCidr } from '../../lib/ip/ip.ts'
import { type Address, addressDelete, addressList, addressRestore } from '../../lib/net/address.ts'
import { type Link, linkByIndex, linkList, linkSet } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { compareAddresses, isOurs, type Standing } from './gateway-conflict.ts'
import { canMark } from './mark.ts'

export interface ReplacementOptions {
  /** Whether addresses that are in the way are replaced whoever set and uses them. */
  readonly forceAddress: boolean
  /** The bridge whose ports use the addresses. */
  readonly bridge: Link
  /** The port of this ADD, which does not use them yet. */
  readonly port: Link
  readonly log: Log
  readonly undo: Undo
}

/**
 * Removes what is in the way of the gateways of one family, and returns it; `undo` puts it back.
 * Throws a `CniError` when it is not ours to remove, or in use, and nothing is forced.
 */
export function replaceAddresses(
  host: Connection,
  device: Link,
  of: Family,
  wanted: readonly Cidr[],
  options: ReplacementOptions,
): Cidr[] {
  // The ports before the addresses: one that works by now may be of an ADD that has replaced them.
  const ports = portsOf(host, device, options)
  const standing = {
    device: linkByIndex(host, device.index) ?? device,
    present: addressList(host, device.index, of),
  }
  const { missing, conflicts } = compareAddresses(standing, wanted)
  if (conflicts.length === 0) return []
  const users = ports.filter(({ carrier }) => carrier)
  const replaced = conflicts.map(({ cidr }) => cidr)
  const [found, by] = [list(replaced), list(missing)]
  if (!options.forceAddress) {
    const foreign = conflicts.filter((address) => !isOurs(standing, ports, address))
    if (foreign.length > 0) throw notOurs(device.name, list(foreign.map(({ cidr }) => cidr)), by)
    if (users.length > 0) throw inUse(device.name, found, by, users.length)
  }
  const reason = options.forceAddress ? 'forceAddress is set' : 'no pod uses it'
  options.log.warn(`replacing address ${found} of ${device.name} by ${by}: ${reason}`)
  options.undo.add(`address ${found} of ${device.name}`, () => {
    const now = portsOf(host, device, options)
    // Another pod has come meanwhile, and has the new address as its gateway.
    if (now.some(({ index }) => !users.some((user) => user.index === index))) return
    deleteAddresses(host, device, of, missing)
    putBack(host, standing, replaced)
  })
  deleteAddresses(host, device, of, replaced)
  return replaced
}

/** The ports of the bridge but for that of this ADD, and for the other end of `device`. */
function portsOf(host: Connection, device: Link, { bridge, port }: ReplacementOptions): Link[] {
  return linkList(host, { master: bridge.index })
    .filter(({ index }) => index !== port.index)
    .filter(({ parent, parentNetnsId }) => parent !== device.index || parentNetnsId !== undefined)
}

/**
 * Deletes addresses, and no others: the kernel deletes those that were added later in the same
 * subnet along with the first one, unless net.ipv4.conf.*.promote_secondaries is set.
 */
function deleteAddresses(
  host: Connection,
  device: Link,
  of: Family,
  addresses: readonly Cidr[],
): void {
  const others = addressList(host, device.index, of).filter(
    ({ cidr }) => !addresses.some((address) => sameCidr(address, cidr)),
  )
  for (const address of addresses) deleteAddress(host, device, address)
  const left = addressList(host, device.index, of)
  for (const other of others) {
    const isThere = left.some(({ cidr }) => sameCidr(cidr, other.cidr))
    if (!isThere) restoreAddress(host, device, other)
  }
}

/** Has a device as it stood before these addresses went, each subnet's addresses in their order. */
function putBack(host: Connection, { device, present }: Standing, replaced: readonly Cidr[]): void {
  const subnets = replaced.map(network)
  const own = present.filter(({ cidr }) => subnets.some((each) => sameCidr(each, network(cidr))))
  for (const { cidr } of own) deleteAddress(host, device, cidr)
  for (const address of own) restoreAddress(host, device, address)
  if (canMark(device.alias)) linkSet(host, device.index, { alias: device.alias ?? '' })
}

function deleteAddress(host: Connection, device: Link, cidr: Cidr): void {
  try {
    addressDelete(host, device.index, cidr)
  } catch (error) {
    // Another ADD on this node has just deleted it, or it went with another address.
    if (!hasCode(error, 'EADDRNOTAVAIL')) throw error
  }
}

function restoreAddress(host: Connection, device: Link, address: Address): void {
  try {
    addressRestore(host, device.index, address)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  }
}

function list(addresses: readonly Cidr[]): string {
  return addresses.map(formatCidr).join(', ')
}

function notOurs(name: string, found: string, wanted: string): CniError {
  return new CniError(
    ErrorCode.internal,
    different(name, wanted),
    `it has ${found}, which this plugin did not set. Remove it from ${name} if nobody needs it ` +
      '(ip address delete), or set "bridge" in the network configuration to another name; ' +
      '"forceAddress": true replaces it',
  )
}

function inUse(name: string, found: string, wanted: string, users: number): CniError {
  return new CniError(
    ErrorCode.internal,
    different(name, wanted),
    `it has ${found}, and ${users} of its ports ${users === 1 ? 'is' : 'are'} up: this node got a ` +
      'new subnet while pods of the old one still run. Drain the node or delete these pods, and ' +
      'the address is replaced by itself; or set "forceAddress": true, which cuts them off',
  )
}

function different(name: string, wanted: string): string {
  return `"${name}" already has an IP address different from ${wanted}`
}
