/** What a result says in a version of the specification. */
import { family, type Family } from '../ip/ip.ts'
import { CniError, ErrorCode } from './errors.ts'
import { decodeDns, present, sameShape } from './result-decode.ts'
import type { Interface, IpConfig, Result, Route } from './result.ts'
import type { Version } from './versions.ts'

/**
 * The result as it is read from its JSON in `version`, without the JSON: what the version cannot say
 * is left out, and so is what is empty. Throws what `resultToJson` does.
 */
export function resultIn(version: Version, result: Result): Result {
  if (sameShape(version, '0.1.0')) return inSingleFamilies(result)
  const asRead = sameShape(version, '0.3.0') ? withoutNewKeys : withoutEmptyKeys
  return {
    interfaces: result.interfaces.map(asRead),
    ips: result.ips.map(readIpConfig),
    routes: result.routes.map(readRoute),
    dns: decodeDns(result.dns),
  }
}

/** Throws a `CniError` when there is no address, which versions 0.1.0 and 0.2.0 cannot say. */
export function requireAddress({ ips }: Result): void {
  if (ips.length > 0) return
  // No details: callers compare the whole text with Go's.
  throw new CniError(ErrorCode.internal, 'cannot convert: no valid IP addresses')
}

/** The address of a family that stands in a result of 0.1.0 or 0.2.0, and its routes. */
export function ofFamily({ ips, routes }: Result, of: Family) {
  const ip = ips.find(({ address }) => family(address.ip) === of)
  if (ip === undefined) return undefined
  return { ip, routes: routes.filter(({ dst }) => dst !== undefined && family(dst.ip) === of) }
}

function inSingleFamilies(result: Result): Result {
  requireAddress(result)
  const parts = ([4, 6] as const).flatMap((of) => ofFamily(result, of) ?? [])
  return {
    interfaces: [],
    ips: parts.map(({ ip: { address, gateway } }) => ({ address, ...present('gateway', gateway) })),
    routes: parts.flatMap(({ routes }) =>
      routes.map(({ dst, gw }) => ({ ...present('dst', dst), ...present('gw', gw) })),
    ),
    dns: decodeDns(result.dns),
  }
}

function withoutEmptyKeys({ name, mac, mtu, sandbox, socketPath, pciId }: Interface): Interface {
  return {
    name,
    ...present('mac', mac),
    ...present('mtu', mtu),
    ...present('sandbox', sandbox),
    ...present('socketPath', socketPath),
    ...present('pciId', pciId),
  }
}

function withoutNewKeys({ name, mac, sandbox }: Interface): Interface {
  return { name, ...present('mac', mac), ...present('sandbox', sandbox) }
}

function readIpConfig({ address, gateway, interface: index }: IpConfig): IpConfig {
  return {
    address,
    ...present('gateway', gateway),
    ...(index === undefined ? {} : { interface: index }),
  }
}

function readRoute({ dst, gw, mtu, advmss, priority, table, scope }: Route): Route {
  return {
    ...present('dst', dst),
    ...present('gw', gw),
    ...present('mtu', mtu),
    ...present('advmss', advmss),
    ...present('priority', priority),
    ...(table === undefined ? {} : { table }),
    ...(scope === undefined ? {} : { scope }),
  }
}
