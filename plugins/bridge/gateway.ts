/** The addresses that the bridge has as the gateway of the pods. */
import { hasCode } from '../../lib/base/errors.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import { type Cidr, family, type Family, formatCidr, sameCidr } from '../../lib/ip/ip.ts'
import { writeSysctl } from '../../lib/linux/sysctl.ts'
import { addressAdd, addressList } from '../../lib/net/address.ts'
import { type Link, linkByIndex, linkSet } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { compareAddresses } from './gateway-conflict.ts'
import { replaceAddresses, type ReplacementOptions } from './gateway-replacement.ts'
import { canMark, formatMark, joinedMark, madeMark, markedAddresses, markIn } from './mark.ts'

/**
 * Gives `device`, the bridge or its device in a VLAN, the gateways' addresses. An address of ours
 * that is in the way, of another subnet that this node had before, is replaced when no pod uses it;
 * with `forceAddress` any is. Else a `CniError` says what stands against it.
 */
export function ensureGatewayAddresses(
  host: Connection,
  device: Link,
  gateways: readonly Cidr[],
  options: ReplacementOptions,
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
  options: ReplacementOptions,
): void {
  const present = addressList(host, device.index, of)
  const { missing, conflicts } = compareAddresses({ device, present }, wanted)
  if (missing.length === 0) return
  const replaced = conflicts.length > 0 ? replaceAddresses(host, device, of, wanted, options) : []
  addGateways(host, device, missing, replaced)
}

/** Adds addresses, and marks them as ours; those that were replaced are not ours any more. */
function addGateways(
  host: Connection,
  device: Link,
  missing: readonly Cidr[],
  replaced: readonly Cidr[],
): void {
  const { alias } = linkByIndex(host, device.index) ?? device
  // Before the addresses: whoever finds them there finds the mark, too.
  if (canMark(alias)) {
    const kept = markedAddresses(alias).filter((own) => !replaced.some((a) => sameCidr(a, own)))
    // A device in a VLAN has no mark before its first address, and the plugin has made it.
    const mark = markIn(alias) ?? (device.kind === 'bridge' ? joinedMark : madeMark)
    linkSet(host, device.index, { alias: formatMark(mark, [...kept, ...missing]) })
  }
  for (const gateway of missing) addGateway(host, device, gateway)
}

function addGateway(host: Connection, device: Link, gateway: Cidr): void {
  withPrefix(`could not add IP address ${formatCidr(gateway)} to "${device.name}": `, () => {
    try {
      addressAdd(host, device.index, { cidr: gateway, nodad: family(gateway.ip) === 6 })
    } catch (error) {
      // Another ADD on this node has just added it.
      if (!hasCode(error, 'EEXIST')) throw error
    }
  })
}

const forwardingSysctl: Readonly<Record<Family, string>> = {
  4: 'net/ipv4/ip_forward',
  6: 'net/ipv6/conf/all/forwarding',
}

/** Has the host forward packets of a family; writes nothing when it does already. */
export function enableForwarding(of: Family): void {
  withPrefix('failed to enable forwarding: ', () => writeSysctl(forwardingSysctl[of], '1'))
}
