/** Asks the kernel for what the choice of the external interface is made from. */
import { hasCode } from '../../lib/base/errors.ts'
import type { Family, Ip } from '../../lib/ip/ip.ts'
import { addressListAll } from '../../lib/net/address.ts'
import { linkList } from '../../lib/net/link.ts'
import { type Route, routeGet, routeList } from '../../lib/net/route.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { DefaultRoute, Observation, Reach } from './observation.ts'

/** net/flow.h: in every namespace it is the loopback interface. */
const LOOPBACK_IFINDEX = 1

/**
 * Observes links, addresses and default routes, and the way to `destination` when it is given.
 * Throws a `NetlinkError`.
 */
export function observe(connection: Connection, destination?: Ip): Observation {
  const addresses = Map.groupBy(addressListAll(connection), ({ linkIndex }) => linkIndex)
  const links = linkList(connection).map(({ index, name, mtu }) => ({
    index,
    name,
    mtu,
    addresses: addresses.get(index) ?? [],
  }))
  return {
    links: links.sort((a, b) => a.index - b.index),
    defaultRoutes: [4, 6].flatMap((of) => defaultRoutes(connection, of as Family)), // 4 and 6 are
    reach: destination && wayTo(connection, destination),
  }
}

function defaultRoutes(connection: Connection, of: Family): DefaultRoute[] {
  return routeList(connection, { family: of })
    .filter(({ dst }) => dst.prefix === 0)
    .flatMap(({ linkIndex, priority: metric }: Route) => {
      // IPv6 has its routes to nowhere lead to the loopback interface.
      if (linkIndex === undefined || linkIndex === LOOPBACK_IFINDEX) return []
      return [{ family: of, linkIndex, metric }]
    })
}

function wayTo(connection: Connection, destination: Ip): Reach | undefined {
  try {
    const { linkIndex, source } = routeGet(connection, destination)
    return linkIndex === undefined ? undefined : { linkIndex, source }
  } catch (error) {
    if (isNoWay(error)) return undefined
    throw error
  }
}

/** The errors of the kernel for: no route, unreachable, prohibit, and blackhole. */
function isNoWay(error: unknown): boolean {
  return hasCode(error, 'ENETUNREACH', 'EHOSTUNREACH', 'EACCES', 'EINVAL')
}
