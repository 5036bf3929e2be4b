import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Result } from '../../lib/cni/result.ts'
import { type Cidr, family, formatIp } from '../../lib/ip/ip.ts'
import type { PortMapping } from './mapping.ts'

/**
 * The addresses that host ports lead to: the first of each family, IPv4 before IPv6. An address
 * counts unless the result says that it is on another interface, or on one of the host.
 */
export function containerAddresses({ ips, interfaces }: Result, ifName: string): Cidr[] {
  const usable = ips.filter(({ interface: index = -1 }) => {
    const on = interfaces[index]
    return on === undefined || (on.name === ifName && (on.sandbox ?? '') !== '')
  })
  return ([4, 6] as const).flatMap((of) => {
    const found = usable.find(({ address }) => family(address.ip) === of)
    return found === undefined ? [] : [found.address]
  })
}

/** Throws a `CniError` with code 7 for a host address that the container cannot be reached from. */
export function checkHostAddresses(
  mappings: readonly PortMapping[],
  addresses: readonly Cidr[],
): void {
  for (const [index, { hostIp }] of mappings.entries()) {
    if (hostIp === undefined) continue
    if (addresses.some(({ ip }) => family(ip) === family(hostIp))) continue
    const wanted = `IPv${family(hostIp)}`
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      `runtimeConfig.portMappings.${index}.hostIP is ${formatIp(hostIp)}, but the container has ` +
        `no ${wanted} address`,
      `give the network a subnet of ${wanted}, or name a host address of the container's family`,
    )
  }
}
