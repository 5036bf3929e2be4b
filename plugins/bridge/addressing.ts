/** What the answer of the IPAM plugin means for the attachment: pure. */
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { IpConfig, Result, Route } from '../../lib/cni/result.ts'
import { type Cidr, family, type Family, type Ip, ipFromValue, network } from '../../lib/ip/ip.ts'
import type { BridgeConf } from './conf.ts'

/** The index of the container's interface in the result: after the bridge and the host's end. */
export const containerIndex = 2

/** linux/rtnetlink.h: RT_TABLE_MAIN, and RT_TABLE_UNSPEC, which the kernel takes for it. */
const mainTables = [0, 254]

export interface Addressing {
  /** The addresses of the container, each with its gateway when there is one. */
  readonly ips: readonly IpConfig[]
  /** The routes of the container, the default route through the bridge included. */
  readonly routes: readonly Route[]
  /** The addresses that the bridge has to have: IPv4 first. */
  readonly gateways: readonly Cidr[]
}

/**
 * Completes the addresses and routes of an IPAM result: with gateways when the bridge is one, and
 * with default routes through them. Throws a `CniError` when there is no address.
 */
export function completeAddressing(conf: BridgeConf, ipam: Result): Addressing {
  if (ipam.ips.length === 0) {
    throw new CniError(
      ErrorCode.internal,
      'IPAM plugin returned missing IP config',
      `the ${conf.ipamType} plugin gave no address; check the "ipam" part of the configuration`,
    )
  }
  const ips = ipam.ips.map((ip) => completeIp(conf, ip))
  const defaults = conf.isDefaultGateway ? defaultRoutes(ips, ipam.routes) : []
  return {
    ips,
    routes: [...ipam.routes, ...defaults],
    gateways: conf.isGateway ? gateways(ips) : [],
  }
}

function completeIp({ isGateway }: BridgeConf, ip: IpConfig): IpConfig {
  const gateway = ip.gateway ?? (isGateway ? firstHost(ip.address) : undefined)
  return { ...ip, ...(gateway && { gateway }), interface: containerIndex }
}

/** The first address of a subnet behind its own: what a gateway has unless it is configured. */
export function firstHost(address: Cidr): Ip {
  const { ip } = network(address)
  return ipFromValue(family(ip), ip.value + 1n)
}

/** A default route for each family that has none yet, in the order of the addresses. */
function defaultRoutes(ips: readonly IpConfig[], routes: readonly Route[]): Route[] {
  const families = new Set(ips.map(({ address }) => family(address.ip)))
  return [...families].flatMap((of) => {
    const gw = firstGateway(ips, of)
    if (gw === undefined || routes.some((route) => isDefaultRoute(route, of))) return []
    return [{ dst: { ip: ipFromValue(of, 0n), prefix: 0 }, gw }]
  })
}

function isDefaultRoute({ dst, table = 0 }: Route, of: Family): boolean {
  return mainTables.includes(table) && dst?.prefix === 0 && family(dst.ip) === of
}

function gateways(ips: readonly IpConfig[]): Cidr[] {
  return ([4, 6] as const).flatMap((of) =>
    ips.flatMap(({ address, gateway }) =>
      gateway !== undefined && family(gateway) === of
        ? [{ ip: gateway, prefix: address.prefix }]
        : [],
    ),
  )
}

/** The gateway of the first address of a family that has one. */
export function firstGateway(ips: readonly IpConfig[], of: Family): Ip | undefined {
  return ips.find(({ gateway }) => gateway !== undefined && family(gateway) === of)?.gateway
}
