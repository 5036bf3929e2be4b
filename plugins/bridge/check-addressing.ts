/** The part of CHECK that is about addresses and routes. */
import type { Request } from '../../lib/cni/plugin.ts'
import type { IpConfig, Result, Route } from '../../lib/cni/result.ts'
import {
  contains,
  family,
  formatCidr,
  formatIp,
  network,
  sameCidr,
  sameIp,
} from '../../lib/ip/ip.ts'
import { addressList } from '../../lib/net/address.ts'
import { type Link, linkByName } from '../../lib/net/link.ts'
import { type Route as KernelRoute, routeList } from '../../lib/net/route.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { BridgeConf } from './conf.ts'
import { bridgeDifference, difference } from './difference.ts'

/** Every address of the attachment is on the container's interface, and its gateway in reach. */
export function checkAddresses(
  prevResult: Result,
  request: Request,
  container: Link,
  sandbox: Connection,
): void {
  const { ifName } = request
  const found = addressList(sandbox, container.index)
  for (const { address, gateway } of ownIps(prevResult, request)) {
    if (!found.some(({ cidr }) => sameCidr(cidr, address))) {
      throw difference(`Failed to match addr ${formatCidr(address)} on interface ${ifName}`)
    }
    if (gateway === undefined) continue
    const of = family(gateway)
    const routes = routeList(sandbox, { family: of, linkIndex: container.index })
    if (!routes.some(({ dst }) => dst.prefix > 0 && contains(dst, gateway))) {
      throw difference(`Failed to find Gateway ${formatIp(gateway)} for interface ${ifName}`)
    }
  }
}

/** The addresses of prevResult that belong to the container's interface or to none. */
export function ownIps({ ips, interfaces }: Result, { ifName, netns }: Request): IpConfig[] {
  return ips.filter(({ interface: index }) => {
    const owner = index === undefined ? undefined : interfaces[index]
    return owner === undefined || (owner.name === ifName && owner.sandbox === netns)
  })
}

/** Every route of the result is in its table. */
export function checkRoutes({ routes }: Result, sandbox: Connection): void {
  for (const route of routes) {
    const { dst, table } = route
    if (dst === undefined) continue
    const query = { family: family(dst.ip), ...(table && { table }) }
    if (!routeList(sandbox, query).some((found) => isSameRoute(found, route))) {
      const via = route.gw === undefined ? '' : ` via ${formatIp(route.gw)}`
      throw difference(`Expected Route {${formatCidr(dst)}${via}} not found in routing table`)
    }
  }
}

function isSameRoute(found: KernelRoute, { dst, gw }: Route): boolean {
  if (dst === undefined || !sameCidr(found.dst, network(dst))) return false
  if (gw === undefined || dst.prefix === 0) return true
  return found.gateway !== undefined && sameIp(found.gateway, gw)
}

/** The bridge, or its device in the VLAN, still has the gateways' addresses. */
export function checkGateways(
  conf: BridgeConf,
  prevResult: Result,
  request: Request,
  bridge: Link,
  host: Connection,
): void {
  const device = conf.vlan === undefined ? bridge : linkByName(host, `${bridge.name}.${conf.vlan}`)
  const found = device === undefined ? [] : addressList(host, device.index)
  for (const { gateway } of ownIps(prevResult, request)) {
    if (gateway !== undefined && !found.some(({ cidr }) => sameIp(cidr.ip, gateway))) {
      throw bridgeDifference(`Gateway ${formatIp(gateway)} is not an address of ${bridge.name}`)
    }
  }
}
