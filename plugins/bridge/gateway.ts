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
import { readSysctl, writeSysctl } from '../../lib/net/sysctl.ts'
import type { Connection } from '../../lib/netlink/connection.ts'

/** RT_SCOPE_LINK, linux/rtnetlink.h. */
const linkScope = 253

export interface GatewayOptions {
  /** Whether addresses that are in the way are replaced even while pods use them. */
  readonly forceAddress: boolean
  /** The index of the port of the attachment at hand, which does not count as a user. */
  readonly ownPort: number
  readonly log: Log
}

/**
 * Gives `device`, the bridge, the gateway's address. An address that is in the way, of another
 * subnet that this node had before, is replaced when no pod uses it or when that is forced; else
 * a `CniError` says what stands against it. The device's MAC is set to what it is, which keeps the
 * kernel from ever changing it.
 */
export function ensureGatewayAddress(
  host: Connection,
  device: Link,
  gateway: Cidr,
  options: GatewayOptions,
): void {
  const present = addressList(host, device.index, family(gateway.ip))
  if (present.some(({ cidr }) => sameCidr(cidr, gateway))) return
  const conflicts = present.filter((address) => isConflict(address, gateway))
  if (conflicts.length > 0) removeConflicts(host, device, gateway, conflicts, options)
  withPrefix(`could not add IP address ${formatCidr(gateway)} to "${device.name}": `, () => {
    try {
      addressAdd(host, device.index, { cidr: gateway, nodad: family(gateway.ip) === 6 })
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw error
    }
  })
  if (device.mac === '') return
  withPrefix("could not set bridge's mac: ", () => linkSet(host, device.index, { mac: device.mac }))
}

/** Every other IPv4 address is in the way; in IPv6 only one whose network overlaps. */
function isConflict({ cidr, scope }: Address, gateway: Cidr): boolean {
  if (family(gateway.ip) === 4) return true
  if (scope === linkScope) return false
  return contains(cidr, network(gateway).ip) || contains(gateway, network(cidr).ip)
}

function removeConflicts(
  host: Connection,
  device: Link,
  gateway: Cidr,
  conflicts: readonly Address[],
  { forceAddress, ownPort, log }: GatewayOptions,
): void {
  const found = conflicts.map(({ cidr }) => formatCidr(cidr)).join(', ')
  const wanted = formatCidr(gateway)
  const users = linkList(host, { master: device.index }).filter(
    ({ index, operState }) => index !== ownPort && operState === 'up',
  )
  if (users.length > 0 && !forceAddress) throw inUse(device.name, found, wanted, users.length)
  log.warn(
    `replacing address ${found} of ${device.name} by ${wanted}: ` +
      (forceAddress ? 'forceAddress is set' : 'no pod uses it'),
  )
  for (const { cidr } of conflicts) addressDelete(host, device.index, cidr)
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
  withPrefix('failed to enable forwarding: ', () => {
    if (readSysctl(forwardingSysctl[of]) !== '1') writeSysctl(forwardingSysctl[of], '1')
  })
}
