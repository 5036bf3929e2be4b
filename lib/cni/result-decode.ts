/** Results from JSON, in any version of the specification. */
import { type Cidr, type Ip, parseCidr, parseIp } from '../ip/ip.ts'
import { CniError, ErrorCode } from './errors.ts'
import type { RawResult, RawRoute } from './raw-result.ts'
import { confSchema } from './result-schema.ts'
import type { Dns, Interface, IpConfig, Result, Route } from './result.ts'
import { readValue } from './schema.ts'
import { isSupported, supportedVersions, type Version } from './versions.ts'

/** The versions that share a shape. */
const families: readonly (readonly Version[])[] = [
  ['0.1.0', '0.2.0'],
  ['0.3.0', '0.3.1', '0.4.0'],
  ['1.0.0', '1.1.0'],
]

/** Whether results of the two versions have the same shape. */
export function sameShape(a: Version, b: Version): boolean {
  return families.some((family) => family.includes(a) && family.includes(b))
}

/** The versions with the shape of `version`, as Go prints the list in its messages. */
export function shapeOf(version: Version): string {
  const family = families.find((versions) => versions.includes(version)) ?? []
  return `[${family[0] === '0.1.0' ? ' ' : ''}${family.join(' ')}]`
}

export interface DecodedResult {
  readonly result: Result
  readonly version: Version
}

/**
 * Reads a result from its parsed JSON by the version that it carries, or `defaultVersion` when it
 * carries none. Throws a `CniError` with the path of what does not fit.
 */
export function decodeResult(value: unknown, defaultVersion: Version): DecodedResult {
  const raw = readValue(confSchema, value, ({ path, expected, found }) =>
    invalid(`${path === '' ? 'the result' : path} ${expected}`, `found ${found}`),
  )
  const version =
    raw.cniVersion === undefined || raw.cniVersion === '' ? defaultVersion : raw.cniVersion
  if (!isSupported(version)) {
    throw invalid(
      `unsupported CNI result version ${JSON.stringify(version)}`,
      `expected one of ${supportedVersions.join(', ')}`,
    )
  }
  const single = sameShape(version, '0.1.0')
  return { result: single ? fromSingleFamilies(raw) : fromLists(raw), version }
}

function fromLists(raw: RawResult): Result {
  return {
    interfaces: (raw.interfaces ?? []).map(decodeInterface),
    ips: (raw.ips ?? []).map((ip, index) => decodeIpConfig(ip, `ips.${index}`)),
    routes: decodeRoutes(raw.routes ?? [], 'routes'),
    dns: decodeDns(raw.dns),
  }
}

/** The shape of 0.1.0 and 0.2.0: at most one address of each family, its routes with it. */
function fromSingleFamilies(raw: RawResult): Result {
  const ips: IpConfig[] = []
  const routes: Route[] = []
  for (const key of ['ip4', 'ip6'] as const) {
    const part = raw[key]
    if (part === undefined) continue
    ips.push({
      address: decodeCidr(part.ip, `${key}.ip`),
      ...present('gateway', decodeIp(part.gateway, `${key}.gateway`)),
    })
    routes.push(...decodeRoutes(part.routes ?? [], `${key}.routes`))
  }
  return { interfaces: [], ips, routes, dns: decodeDns(raw.dns) }
}

type RawInterface = NonNullable<RawResult['interfaces']>[number]

function decodeInterface(raw: RawInterface): Interface {
  return {
    name: raw.name ?? '',
    ...present('mac', raw.mac),
    ...present('mtu', raw.mtu),
    ...present('sandbox', raw.sandbox),
    ...present('socketPath', raw.socketPath),
    ...present('pciId', raw.pciID),
  }
}

type RawIpConfig = NonNullable<RawResult['ips']>[number]

function decodeIpConfig(raw: RawIpConfig, path: string): IpConfig {
  return {
    address: decodeCidr(raw.address, `${path}.address`),
    ...present('gateway', decodeIp(raw.gateway, `${path}.gateway`)),
    ...(raw.interface === undefined ? {} : { interface: raw.interface }),
  }
}

/** Reads routes; `path` is where they stand in the JSON, for the errors. */
export function decodeRoutes(routes: readonly RawRoute[], path: string): Route[] {
  return routes.map((raw, index) => ({
    ...present('dst', isAbsent(raw.dst) ? undefined : decodeCidr(raw.dst, `${path}.${index}.dst`)),
    ...present('gw', decodeIp(raw.gw, `${path}.${index}.gw`)),
    ...present('mtu', raw.mtu),
    ...present('advmss', raw.advmss),
    ...present('priority', raw.priority),
    ...(raw.table === undefined ? {} : { table: raw.table }),
    ...(raw.scope === undefined ? {} : { scope: raw.scope }),
  }))
}

/** Whether a route has no destination: Go prints that as `<nil>`. */
function isAbsent(dst: string | undefined): dst is undefined | '<nil>' {
  return dst === undefined || dst === '<nil>'
}

/** Reads a `dns` object as results and configurations have it; what is empty is left out. */
export function decodeDns(raw: Dns = {}): Dns {
  return {
    ...present('nameservers', raw.nameservers),
    ...present('domain', raw.domain),
    ...present('search', raw.search),
    ...present('options', raw.options),
  }
}

/** `{ [key]: value }`, or nothing when the value is what Go leaves out: empty or zero. */
export function present<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  const empty = value === undefined || value === 0 || (value as { length?: number }).length === 0
  // A computed key widens to an index signature; K is one literal here.
  return empty ? {} : ({ [key]: value } as { [P in K]?: V })
}

function decodeCidr(text: string, path: string): Cidr {
  const cidr = parseCidr(text)
  if (cidr === undefined) throw invalid(`invalid CIDR address: ${text}`, `found at ${path}`)
  return cidr
}

function decodeIp(text: string | undefined, path: string): Ip | undefined {
  if (text === undefined || text === '') return undefined
  const ip = parseIp(text)
  if (ip === undefined) throw invalid(`invalid IP address: ${text}`, `found at ${path}`)
  return ip
}

function invalid(message: string, details: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}
