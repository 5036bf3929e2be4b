/** Routes: the verbs of ip-route(8). */
import { hasCode } from '../base/errors.ts'
import {
  type Cidr,
  family,
  type Family,
  formatCidr,
  formatIp,
  type Ip,
  ipFromValue,
} from '../ip/ip.ts'
import { addressFamily, ipFamily } from '../netlink/address-family.ts'
import type { Connection, Request } from '../netlink/connection.ts'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from '../netlink/message.ts'
import {
  routeMessage,
  type RouteMessage,
  RT_SCOPE_NOWHERE,
  RT_TABLE_MAIN,
  RT_TABLE_UNSPEC,
  RTM_F_CLONED,
  RTM_F_LOOKUP_TABLE,
  RTM_DELROUTE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
  RTN_BLACKHOLE,
  RTN_UNICAST,
  RTNH_F_ONLINK,
  RTPROT_BOOT,
} from '../netlink/route.ts'
import { indexName } from './link.ts'

/** What becomes of packets: they are sent on, or dropped without a word. */
export type RouteKind = 'unicast' | 'blackhole'
const kindNumbers = { unicast: RTN_UNICAST, blackhole: RTN_BLACKHOLE } as const
const kinds: ReadonlyMap<number, RouteKind> = new Map([
  [RTN_UNICAST, 'unicast'],
  [RTN_BLACKHOLE, 'blackhole'],
])

export interface NewRoute {
  /** Absent: unicast. */
  readonly kind?: RouteKind
  /** The default route is `0.0.0.0/0` or `::/0`. */
  readonly dst: Cidr
  readonly gateway?: Ip | undefined
  /** Absent for a blackhole. */
  readonly linkIndex?: number | undefined
  /** Absent: main, 254. */
  readonly table?: number | undefined
  /** 0 is universe, 253 link, 254 host (linux/rtnetlink.h, enum rt_scope_t). Absent: 0. */
  readonly scope?: number | undefined
  readonly priority?: number | undefined
  /** In bytes. */
  readonly mtu?: number | undefined
  /** In bytes. */
  readonly advmss?: number | undefined
  /** The gateway is on the link even if no prefix of the link holds it. */
  readonly onlink?: boolean | undefined
  /** The source address to prefer. */
  readonly source?: Ip | undefined
  /** Who makes it (linux/rtnetlink.h, RTPROT_*). Absent: 3, somebody by hand. */
  readonly protocol?: number | undefined
}

/** A route as the kernel has it; each next hop of a multipath route counts as a route. */
export interface Route {
  /** Absent for a kind that is made by others only: local, unreachable, … */
  readonly kind?: RouteKind
  readonly dst: Cidr
  readonly gateway?: Ip
  /** Absent for a route to nowhere (blackhole, unreachable). */
  readonly linkIndex?: number
  readonly table: number
  readonly scope: number
  /** Who made it (linux/rtnetlink.h, RTPROT_*): 2 the kernel, 3 somebody by hand. */
  readonly protocol: number
  readonly onlink: boolean
  readonly priority: number
  /** In bytes. */
  readonly mtu?: number
  /** In bytes. */
  readonly advmss?: number
  readonly source?: Ip
  /** It is for some packets to the destination only: by their type of service, or their source. */
  readonly isPartial: boolean
  /** Which of the next hops of a multipath route it is, from 0; absent for the only one. */
  readonly hop?: { readonly index: number; readonly count: number }
}

/**
 * Adds a route, also beside one to the same destination by another way: IPv4 then has both, and
 * IPv6 one with two next hops. Throws a `NetlinkError`: `EEXIST` when there is exactly this one,
 * `ENETUNREACH` when the gateway is on no network of the link, `EINVAL` when `dst` has host bits.
 */
export function routeAdd(connection: Connection, route: NewRoute): void {
  connection.execute({
    operation: `route add ${describe(route)}`,
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE,
    payload: encodeRoute(route),
  })
}

/**
 * Has the kernel have the route in place of the first one to the same destination with the same
 * priority. It answers `ENETUNREACH`, `EHOSTUNREACH` or `EINVAL` when the gateway is on no network of
 * the link, and `EEXIST` when IPv4 has the route already, but behind the first one.
 */
export function routeReplace(route: NewRoute): Request {
  return {
    operation: `route replace ${describe(route)}`,
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    payload: encodeRoute(route),
  }
}

/**
 * The kernel answers ESRCH when it does not have the route, by this way, of this kind and made by
 * this protocol. Its scope does not matter unless one is given.
 */
export function routeDelete(route: NewRoute): Request {
  return {
    operation: `route delete ${describe(route)}`,
    type: RTM_DELROUTE,
    payload: encodeRoute({ scope: RT_SCOPE_NOWHERE, ...route }),
  }
}

function describe({ kind = 'unicast', dst, gateway, linkIndex }: NewRoute): string {
  const way = gateway === undefined ? '' : ` via ${formatIp(gateway)}`
  const out = linkIndex === undefined ? '' : ` dev ${indexName(linkIndex)}`
  return `${kind === 'unicast' ? '' : `${kind} `}${formatCidr(dst)}${way}${out}`
}

function encodeRoute(route: NewRoute): Uint8Array {
  const { kind = 'unicast', dst, gateway, linkIndex, table = RT_TABLE_MAIN } = route
  const { scope, priority, mtu, advmss, onlink = false, source, protocol = RTPROT_BOOT } = route
  return routeMessage.encode({
    family: addressFamily(family(dst.ip)),
    prefix: dst.prefix,
    ...tableFields(table),
    protocol,
    scope,
    type: kindNumbers[kind],
    flags: onlink ? RTNH_F_ONLINK : 0,
    dst: dst.prefix === 0 ? undefined : dst.ip,
    gateway,
    outputIndex: linkIndex,
    priority,
    source,
    metrics: mtu === undefined && advmss === undefined ? undefined : { mtu, advmss },
  })
}

/** The routes of a table (absent: main, 254) of one family; of one link when given. */
export function routeList(
  connection: Connection,
  query: { family: Family; table?: number; linkIndex?: number },
): Route[] {
  const { family: of, table = RT_TABLE_MAIN, linkIndex } = query
  const messages = executeOnTable(connection, {
    operation: `route show table ${table}`,
    type: RTM_GETROUTE,
    flags: NLM_F_DUMP,
    payload: routeMessage.encode({
      family: addressFamily(of),
      ...tableFields(table),
      outputIndex: linkIndex,
    }),
  })
  return messages
    .filter((message) => !isCached(message))
    .flatMap(decodeRoute)
    .filter((route) => route.table === table)
    .filter((route) => linkIndex === undefined || route.linkIndex === linkIndex)
}

/** Whether the kernel keeps it for one destination only, beside what the table says. */
export function isCached({ flags }: RouteMessage): boolean {
  return (flags & RTM_F_CLONED) !== 0
}

/**
 * The route that a packet to `ip` takes from here, with its source address. Throws a
 * `NetlinkError`: `ENETUNREACH` when there is none.
 */
export function routeGet(connection: Connection, ip: Ip): Route {
  const operation = `route get ${formatIp(ip)}`
  const payload = routeMessage.encode({
    family: addressFamily(family(ip)),
    prefix: ip.bitSize,
    // IPv6 names the table without being asked, and refuses to be asked
    flags: family(ip) === 4 ? RTM_F_LOOKUP_TABLE : 0,
    dst: ip,
  })
  const [message] = connection.execute({ operation, type: RTM_GETROUTE, payload })
  const [route] = message === undefined ? [] : decodeRoute(routeMessage.decode(message.payload))
  if (route === undefined) throw new Error(`${operation}: the kernel named no route`)
  return route
}

/** A table as the header has it, and as an attribute where the header is too small. */
function tableFields(table: number) {
  return table < 256 ? { table } : { table: RT_TABLE_UNSPEC, fullTable: table }
}

/** The kernel answers ENOENT for a table that nobody has put a route in. */
function executeOnTable(connection: Connection, request: Request): RouteMessage[] {
  try {
    return connection.execute(request).map(({ payload }) => routeMessage.decode(payload))
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}

/** The routes of a message: one, or each next hop of a multipath route. */
export function decodeRoute(message: RouteMessage): Route[] {
  const of = ipFamily(message.family)
  if (of === undefined) return []
  const kind = kinds.get(message.type)
  const { dst = ipFromValue(of, 0n), prefix, source, metrics } = message
  const hops = message.nextHops ?? [message]
  return hops.map(({ gateway, outputIndex, flags }, index) => ({
    ...(kind && { kind }),
    dst: { ip: dst, prefix },
    ...(gateway && { gateway }),
    ...(outputIndex !== undefined && { linkIndex: outputIndex }),
    table: message.fullTable ?? message.table,
    scope: message.scope,
    protocol: message.protocol,
    onlink: (flags & RTNH_F_ONLINK) !== 0,
    priority: message.priority ?? 0,
    ...(metrics?.mtu !== undefined && { mtu: metrics.mtu }),
    ...(metrics?.advmss !== undefined && { advmss: metrics.advmss }),
    ...(source && { source }),
    isPartial: message.tos !== 0 || message.sourcePrefix !== 0,
    ...(hops.length > 1 && { hop: { index, count: hops.length } }),
  }))
}
