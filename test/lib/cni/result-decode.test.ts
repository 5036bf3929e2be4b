import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { decodeDns, decodeResult, sameShape, shapeOf } from '../../../lib/cni/result-decode.ts'
import { encodeResult, resultToJson } from '../../../lib/cni/result-encode.ts'
import { supportedVersions, type Version } from '../../../lib/cni/versions.ts'
import { plain, results } from '../../support/result.ts'
import { thrown } from '../../support/thrown.ts'

/** Reads JSON of one version and writes it in another. */
function convert(json: object, to: Version, assumed: Version = '1.1.0'): object {
  return resultToJson(decodeResult(json, assumed).result, to)
}

for (const version of supportedVersions) {
  t.test(`reads in ${version} what it wrote`, async (t) => {
    const same = fc.property(results(version), (result) => {
      const json: unknown = JSON.parse(encodeResult(result, version))
      const decoded = decodeResult(json, '0.1.0')
      return decoded.version === version && isDeepStrictEqual(plain(decoded.result), plain(result))
    })
    t.doesNotThrow(() => fc.assert(same))
  })
}

t.test('keeps through a newer version what an older one holds', async (t) => {
  for (const version of supportedVersions) {
    const kept = fc.property(
      results(version),
      fc.constantFrom(...supportedVersions.slice(supportedVersions.indexOf(version))),
      (result, newer) => {
        const json = resultToJson(result, version)
        return isDeepStrictEqual(convert(convert(json, newer), version), json)
      },
    )
    t.doesNotThrow(() => fc.assert(kept), version)
  }
})

const dns = {
  nameservers: ['1.2.3.4', '1::cafe'],
  domain: 'acompany.com',
  search: ['x'],
  options: ['y'],
}
const ip4 = { ip: '1.2.3.30/24', gateway: '1.2.3.1' }
const ip6 = { ip: 'abcd:1234:ffff::cdde/64', gateway: 'abcd:1234:ffff::1' }
const routes4 = [{ dst: '15.5.6.0/24', gw: '15.5.6.8' }]
const routes6 = [{ dst: '1111:dddd::/80', gw: '1111:dddd::aaaa' }]
const withGateways = {
  cniVersion: '0.2.0',
  ip4: { ...ip4, routes: routes4 },
  ip6: { ...ip6, routes: routes6 },
  dns,
}
const withoutGateways = {
  ...withGateways,
  ip4: { ...ip4, routes: [{ dst: '15.5.6.0/24' }] },
  ip6: { ...ip6, routes: [{ dst: '1111:dddd::/80' }] },
}

t.test('0.2.0 becomes 0.4.0 and 0.2.0 again', async (t) => {
  t.strictSame(convert(withGateways, '0.4.0'), {
    cniVersion: '0.4.0',
    ips: [
      { version: '4', address: ip4.ip, gateway: ip4.gateway },
      { version: '6', address: ip6.ip, gateway: ip6.gateway },
    ],
    routes: [...routes4, ...routes6],
    dns,
  })
  for (const result of [withGateways, withoutGateways]) {
    t.strictSame(convert(convert(result, '0.4.0'), '0.2.0'), result)
    t.strictSame(convert(result, '0.1.0'), { ...result, cniVersion: '0.1.0' })
  }
})

t.test('1.0.0 and 1.1.0 differ in their label', async (t) => {
  const result = {
    cniVersion: '1.1.0',
    dns,
    interfaces: [{ mtu: 1500, name: 'eth0', pciID: 'x', socketPath: '/s' }],
    ips: [{ address: ip4.ip, interface: 0 }],
    routes: [{ dst: '0.0.0.0/0', mtu: 1400, scope: 0 }],
  }
  t.strictSame(convert(result, '1.0.0'), { ...result, cniVersion: '1.0.0' })
  t.strictSame(convert(convert(result, '1.0.0'), '1.1.0'), result)
})

t.test('fields of routes survive in 0.4.0', async (t) => {
  const route = { dst: '1.2.3.0/24', mtu: 1500, advmss: 1340, priority: 100, table: 50, scope: 253 }
  t.match(convert({ cniVersion: '1.1.0', routes: [route] }, '0.4.0'), { routes: [route] })
})

t.test('reads by the version that it carries, else by the assumed one', async (t) => {
  const cases: [json: object, assumed: Version, want: Version][] = [
    [{ cniVersion: '0.2.0', ip4 }, '1.1.0', '0.2.0'],
    [{ ip4 }, '0.2.0', '0.2.0'],
    [{ cniVersion: '', ips: [] }, '0.3.1', '0.3.1'],
    [{ cniVersion: null }, '1.0.0', '1.0.0'],
    [{ CNIVersion: '1.0.0' }, '0.1.0', '1.0.0'],
  ]
  for (const [json, assumed, want] of cases) t.equal(decodeResult(json, assumed).version, want)
  // The keys of another shape are unknown keys.
  const mixed = { cniVersion: '1.0.0', ip4, ips: [{ address: ip6.ip, version: '4' }], more: 1 }
  t.strictSame(convert(mixed, '1.0.0'), { cniVersion: '1.0.0', ips: [{ address: ip6.ip }] })
})

t.test('takes null and empty for missing', async (t) => {
  const json = {
    interfaces: [{ name: 'lo', mac: '', mtu: 0, sandbox: null }],
    ips: [{ address: ip4.ip, gateway: '', interface: null }],
    routes: [{ dst: ip4.ip, gw: '', mtu: 0, table: 0 }],
    dns: { nameservers: [], domain: '', search: null },
  }
  t.strictSame(convert(json, '1.1.0'), {
    cniVersion: '1.1.0',
    interfaces: [{ name: 'lo' }],
    ips: [{ address: ip4.ip }],
    routes: [{ dst: ip4.ip, table: 0 }],
  })
  const nothing = { interfaces: null, ips: null, routes: null, dns: null }
  t.strictSame(convert(nothing, '1.1.0'), { cniVersion: '1.1.0' })
  t.strictSame(decodeDns(), {})
})

const refused: [json: unknown, msg: string, details: string][] = [
  [null, 'the result must be object', 'found null'],
  ['x', 'the result must be object', 'found "x"'],
  [{ cniVersion: 1 }, 'cniVersion must be string', 'found 1'],
  [
    { cniVersion: '2.0.0' },
    'unsupported CNI result version "2.0.0"',
    `expected one of ${supportedVersions.join(', ')}`,
  ],
  [{ ips: [{}] }, "ips.0 must have required property 'address'", 'found {}'],
  [{ ips: [{ address: '10.0.0.2' }] }, 'invalid CIDR address: 10.0.0.2', 'found at ips.0.address'],
  [{ ips: [{ address: ip4.ip, gateway: 'x' }] }, 'invalid IP address: x', 'found at ips.0.gateway'],
  [{ ips: [{ address: ip4.ip, interface: '0' }] }, 'ips.0.interface must be integer', 'found "0"'],
  [{ routes: [{ dst: '' }] }, 'invalid CIDR address: ', 'found at routes.0.dst'],
  [{ routes: [{}, { dst: ip4.ip, gw: 'y' }] }, 'invalid IP address: y', 'found at routes.1.gw'],
  [{ routes: [{ mtu: 1.5 }] }, 'routes.0.mtu must be integer', 'found 1.5'],
  [{ dns: { search: 'x' } }, 'dns.search must be array', 'found "x"'],
  [{ cniVersion: '0.2.0', ip4: {} }, "ip4 must have required property 'ip'", 'found {}'],
  [{ cniVersion: '0.2.0', ip4: { ip: 'x' } }, 'invalid CIDR address: x', 'found at ip4.ip'],
  [
    { cniVersion: '0.2.0', ip6: { ...ip6, gateway: 'x' } },
    'invalid IP address: x',
    'found at ip6.gateway',
  ],
  [
    { cniVersion: '0.1.0', ip4: { ...ip4, routes: [{ dst: 'x' }] } },
    'invalid CIDR address: x',
    'found at ip4.routes.0.dst',
  ],
]

t.test('says what is wrong with a result, and where', async (t) => {
  for (const [json, msg, details] of refused) {
    t.strictSame(thrown(() => decodeResult(json, '1.1.0')).toObject(), { code: 7, msg, details })
  }
})

t.test('knows which versions share a shape', async (t) => {
  const shapes = ['[ 0.1.0 0.2.0]', '[0.3.0 0.3.1 0.4.0]', '[1.0.0 1.1.0]']
  for (const version of supportedVersions) {
    const shape = shapes.find((text) => text.includes(version))
    t.equal(shapeOf(version), shape)
    for (const other of supportedVersions) {
      t.equal(sameShape(version, other), shape?.includes(other))
    }
  }
})

t.test('a route without destination, as Go and we print it, is read back', async (t) => {
  const printed = { cniVersion: '1.0.0', routes: [{ dst: '<nil>', gw: '10.1.2.1' }] }
  t.strictSame(convert(printed, '1.0.0'), printed)
})
