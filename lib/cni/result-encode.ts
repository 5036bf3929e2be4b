/**
 * Results as JSON, in any version of the specification. What a version cannot say is left out
 * (CNI specification, section 5 "Result Types", of each version).
 */
import { encodeJson, sortKeys } from '../base/json.ts'
import { family, type Family, formatCidr, formatIp } from '../ip/ip.ts'
import { sameShape } from './result-decode.ts'
import { ofFamily, requireAddress } from './result-version.ts'
import type { Dns, Interface, IpConfig, Result, Route } from './result.ts'
import type { Version } from './versions.ts'

type Json = Record<string, unknown>

/**
 * The JSON value of a result in `version`, keys in the order that Go writes them. Throws a
 * `CniError` when the version needs an address and there is none (0.1.0, 0.2.0).
 */
export function resultToJson(result: Result, version: Version): Json {
  if (sameShape(version, '0.1.0')) return toSingleFamilies(result, version)
  if (sameShape(version, '0.3.0')) return toVersionedLists(result, version)
  return toLists(result, version)
}

/** The text of a result in `version`: indented by four spaces, without a newline at the end. */
export function encodeResult(result: Result, version: Version): string {
  return encodeJson(resultToJson(result, version), 4)
}

function toLists(result: Result, version: Version): Json {
  return sortKeys({
    cniVersion: version,
    ...list('interfaces', result.interfaces.map(interfaceToJson)),
    ...list('ips', result.ips.map(ipToJson)),
    ...list('routes', result.routes.map(routeToJson)),
    ...(Object.keys(result.dns).length === 0 ? {} : { dns: dnsToJson(result.dns) }),
  }) as Json // an object stays an object
}

function toVersionedLists(result: Result, version: Version): Json {
  return {
    cniVersion: version,
    ...list(
      'interfaces',
      result.interfaces.map(({ name, mac, sandbox }) => defined({ name, mac, sandbox })),
    ),
    ...list(
      'ips',
      result.ips.map((ip) =>
        defined({
          version: String(family(ip.address.ip)),
          interface: ip.interface,
          address: formatCidr(ip.address),
          gateway: ip.gateway && formatIp(ip.gateway),
        }),
      ),
    ),
    ...list('routes', result.routes.map(routeToJson)),
    dns: dnsToJson(result.dns),
  }
}

function toSingleFamilies(result: Result, version: Version): Json {
  requireAddress(result)
  const ip4 = singleFamily(result, 4)
  const ip6 = singleFamily(result, 6)
  return { cniVersion: version, ...defined({ ip4, ip6 }), dns: dnsToJson(result.dns) }
}

function singleFamily(result: Result, of: Family): Json | undefined {
  const part = ofFamily(result, of)
  if (part === undefined) return undefined
  return {
    ip: formatCidr(part.ip.address),
    ...defined({ gateway: part.ip.gateway && formatIp(part.ip.gateway) }),
    ...list(
      'routes',
      part.routes.map(({ dst, gw }) => routeToJson({ ...defined({ dst, gw }) })),
    ),
  }
}

function interfaceToJson({ pciId, ...rest }: Interface): Json {
  return defined({ ...rest, pciID: pciId })
}

function ipToJson(ip: IpConfig): Json {
  return defined({
    address: formatCidr(ip.address),
    gateway: ip.gateway && formatIp(ip.gateway),
    interface: ip.interface,
  })
}

/** The JSON of a route, keys in the order of Go's type. */
export function routeToJson({ dst, gw, ...route }: Route): Json {
  return defined({
    dst: dst === undefined ? '<nil>' : formatCidr(dst),
    gw: gw && formatIp(gw),
    mtu: route.mtu,
    advmss: route.advmss,
    priority: route.priority,
    table: route.table,
    scope: route.scope,
  })
}

function dnsToJson({ nameservers, domain, search, options }: Dns): Json {
  return defined({ nameservers, domain, search, options })
}

/** The object without the keys whose value is undefined. */
function defined<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> } // same keys
}

/** `{ [key]: items }`, or nothing when the list is empty. */
function list(key: string, items: readonly unknown[]): Json {
  return items.length === 0 ? {} : { [key]: items }
}
