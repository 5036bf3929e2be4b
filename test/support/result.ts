/** Results for tests: from plain text, to plain text, and arbitrary ones. */
import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { decodeResult, sameShape } from '../../lib/cni/result-decode.ts'
import type { Dns, Interface, IpConfig, Result, Route } from '../../lib/cni/result.ts'
import type { Version } from '../../lib/cni/versions.ts'
import { type Cidr, type Family, formatIp, type Ip, ipFromValue } from '../../lib/ip/ip.ts'

/** The result with these keys, written as in version 1.1.0. */
export function resultOf(keys: object): Result {
  return decodeResult(keys, '1.1.0').result
}

/** The value with every address in it as text, for comparisons. */
export function plain(value: unknown): unknown {
  const text = JSON.stringify(value, (_, item: unknown) => (isIp(item) ? formatIp(item) : item))
  return JSON.parse(text)
}

function isIp(value: unknown): value is Ip {
  return typeof value === 'object' && value !== null && 'bitSize' in value
}

/** Any address of a family, but no IPv4 address in the form of IPv6. */
export function ips(of: Family): Arbitrary<Ip> {
  return fc
    .bigInt(0n, of === 4 ? 0xffffffffn : (1n << 128n) - 1n)
    .filter((value) => of === 4 || value >> 32n !== 0xffffn)
    .map((value) => ipFromValue(of, value))
}

/** Any address with any prefix length of its family. */
export function cidrs(of: Family): Arbitrary<Cidr> {
  return fc.record({ ip: ips(of), prefix: fc.nat(of === 4 ? 32 : 128) })
}

const anyIp = fc.oneof(ips(4), ips(6))
const anyCidr = fc.oneof(cidrs(4), cidrs(6))
const text = fc.string({ minLength: 1, maxLength: 8 })
const texts = fc.array(text, { minLength: 1, maxLength: 3 })
const positive = fc.integer({ min: 1, max: 0xffffffff })

/** A record of which any field may be missing; `required` may not. */
function partial<T extends object>(
  fields: { [K in keyof T]-?: Arbitrary<NonNullable<T[K]>> },
  ...required: (keyof T & string)[]
): Arbitrary<T> {
  // fast-check derives a type per list of keys; this one is the same for all of them.
  return fc.record(fields, { requiredKeys: required }) as unknown as Arbitrary<T>
}

const dns = partial<Dns>({ nameservers: texts, domain: text, search: texts, options: texts })

const interfaces = partial<Interface>(
  { name: text, mac: text, mtu: positive, sandbox: text, socketPath: text, pciId: text },
  'name',
)

const ipConfigs = partial<IpConfig>(
  { address: anyCidr, gateway: anyIp, interface: fc.nat(9) },
  'address',
)

const routes = partial<Route>(
  {
    dst: anyCidr,
    gw: anyIp,
    mtu: positive,
    advmss: positive,
    priority: positive,
    table: fc.nat(0xffffffff),
    scope: fc.nat(255),
  },
  'dst',
)

/** Any result that can be said in full in a version. */
export function results(version: Version): Arbitrary<Result> {
  if (sameShape(version, '0.1.0')) return singleFamilyResults
  const kept = sameShape(version, '1.0.0') ? interfaces : interfaces.map(withoutNewKeys)
  return fc.record({
    interfaces: fc.array(kept, { maxLength: 3 }),
    ips: fc.array(ipConfigs, { maxLength: 3 }),
    routes: fc.array(routes, { maxLength: 3 }),
    dns,
  })
}

function withoutNewKeys({ mtu: _, socketPath: __, pciId: ___, ...rest }: Interface): Interface {
  return rest
}

const singleFamilyResults: Arbitrary<Result> = fc
  .record({ four: fc.option(singleFamily(4)), six: fc.option(singleFamily(6)), dns })
  .filter(({ four, six }) => four !== null || six !== null)
  .map(({ four, six, dns }) => ({
    interfaces: [],
    ips: [four, six].flatMap((part) => part?.ip ?? []),
    routes: [four, six].flatMap((part) => part?.routes ?? []),
    dns,
  }))

function singleFamily(of: Family) {
  return fc.record({
    ip: partial<IpConfig>(
      { address: cidrs(of), gateway: anyIp, interface: fc.nat() },
      'address',
    ).map(({ interface: _, ...ip }): IpConfig => ip),
    routes: fc.array(
      fc
        .record({ dst: cidrs(of), gw: fc.option(anyIp, { nil: undefined }) })
        .map(({ dst, gw }): Route => ({ dst, ...(gw && { gw }) })),
      { maxLength: 3 },
    ),
  })
}
