import t from 'tap'
import { encodeResult, resultToJson, routeToJson } from '../../../lib/cni/result-encode.ts'
import { emptyResult } from '../../../lib/cni/result.ts'
import { supportedVersions } from '../../../lib/cni/versions.ts'
import { resultOf } from '../../support/result.ts'
import { thrown } from '../../support/thrown.ts'

/** Everything that a result can hold. */
const full = resultOf({
  interfaces: [
    { name: 'cni0', mac: '00:11:22:33:44:55', mtu: 1450 },
    {
      name: 'eth0',
      mac: '00:11:22:33:44:66',
      mtu: 1450,
      sandbox: '/proc/3553/ns/net',
      pciID: '8086:9a01',
      socketPath: '/path/to/vhost/fd',
    },
  ],
  ips: [
    { interface: 0, address: '1.2.3.30/24', gateway: '1.2.3.1' },
    { interface: 1, address: 'abcd:1234:ffff::cdde/64', gateway: 'abcd:1234:ffff::1' },
    { address: '1.2.4.30/24' },
  ],
  routes: [
    { dst: '15.5.6.0/24', gw: '15.5.6.8' },
    { dst: '1111:dddd::/80' },
    { dst: '1.2.3.0/24', mtu: 1500, advmss: 1340, priority: 100, table: 50, scope: 253 },
    { dst: '0.0.0.0/0', table: 0, scope: 0 },
  ],
  dns: {
    nameservers: ['1.2.3.4', '1::cafe'],
    domain: 'acompany.com',
    search: ['a'],
    options: ['b'],
  },
})

const dns =
  '{"nameservers":["1.2.3.4","1::cafe"],"domain":"acompany.com","search":["a"],"options":["b"]}'
const routes =
  '[{"dst":"15.5.6.0/24","gw":"15.5.6.8"},{"dst":"1111:dddd::/80"},' +
  '{"dst":"1.2.3.0/24","mtu":1500,"advmss":1340,"priority":100,"table":50,"scope":253},' +
  '{"dst":"0.0.0.0/0","table":0,"scope":0}]'
const single =
  '"ip4":{"ip":"1.2.3.30/24","gateway":"1.2.3.1",' +
  '"routes":[{"dst":"15.5.6.0/24","gw":"15.5.6.8"},{"dst":"1.2.3.0/24"},{"dst":"0.0.0.0/0"}]},' +
  '"ip6":{"ip":"abcd:1234:ffff::cdde/64","gateway":"abcd:1234:ffff::1",' +
  '"routes":[{"dst":"1111:dddd::/80"}]},'
const versioned =
  '"interfaces":[{"name":"cni0","mac":"00:11:22:33:44:55"},' +
  '{"name":"eth0","mac":"00:11:22:33:44:66","sandbox":"/proc/3553/ns/net"}],' +
  '"ips":[{"version":"4","interface":0,"address":"1.2.3.30/24","gateway":"1.2.3.1"},' +
  '{"version":"6","interface":1,"address":"abcd:1234:ffff::cdde/64","gateway":"abcd:1234:ffff::1"},' +
  '{"version":"4","address":"1.2.4.30/24"}],'
const sorted =
  '"dns":{"domain":"acompany.com","nameservers":["1.2.3.4","1::cafe"],"options":["b"],"search":["a"]},' +
  '"interfaces":[{"mac":"00:11:22:33:44:55","mtu":1450,"name":"cni0"},' +
  '{"mac":"00:11:22:33:44:66","mtu":1450,"name":"eth0","pciID":"8086:9a01",' +
  '"sandbox":"/proc/3553/ns/net","socketPath":"/path/to/vhost/fd"}],' +
  '"ips":[{"address":"1.2.3.30/24","gateway":"1.2.3.1","interface":0},' +
  '{"address":"abcd:1234:ffff::cdde/64","gateway":"abcd:1234:ffff::1","interface":1},' +
  '{"address":"1.2.4.30/24"}],' +
  '"routes":[{"dst":"15.5.6.0/24","gw":"15.5.6.8"},{"dst":"1111:dddd::/80"},' +
  '{"advmss":1340,"dst":"1.2.3.0/24","mtu":1500,"priority":100,"scope":253,"table":50},' +
  '{"dst":"0.0.0.0/0","scope":0,"table":0}]'

const bodies: Readonly<Record<string, string>> = {
  '0.1.0': `${single}"dns":${dns}`,
  '0.2.0': `${single}"dns":${dns}`,
  '0.3.0': `${versioned}"routes":${routes},"dns":${dns}`,
  '0.3.1': `${versioned}"routes":${routes},"dns":${dns}`,
  '0.4.0': `${versioned}"routes":${routes},"dns":${dns}`,
  '1.0.0': sorted,
  '1.1.0': sorted,
}

t.test('writes keys, and their order, as each version has them', async (t) => {
  for (const version of supportedVersions) {
    const want = `{"cniVersion":"${version}",${bodies[version]}}`
    t.equal(JSON.stringify(resultToJson(full, version)), want, version)
  }
})

t.test('indents by four spaces, without a newline at the end', async (t) => {
  const result = resultOf({ ips: [{ address: '10.0.0.2/24' }] })
  t.equal(
    encodeResult(result, '1.0.0'),
    '{\n    "cniVersion": "1.0.0",\n    "ips": [\n        {\n' +
      '            "address": "10.0.0.2/24"\n        }\n    ]\n}',
  )
})

t.test('leaves out what is empty, but for the dns of old versions', async (t) => {
  t.strictSame(resultToJson(emptyResult, '1.1.0'), { cniVersion: '1.1.0' })
  t.strictSame(resultToJson(emptyResult, '0.4.0'), { cniVersion: '0.4.0', dns: {} })
  const one = resultOf({ ips: [{ address: '10.0.0.2/24' }] })
  t.strictSame(resultToJson(one, '0.2.0'), {
    cniVersion: '0.2.0',
    ip4: { ip: '10.0.0.2/24' },
    dns: {},
  })
})

t.test('keeps the host bits of addresses and routes', async (t) => {
  const result = resultOf({
    ips: [{ address: '10.0.0.2/24' }],
    routes: [{ dst: '10.1.2.3/16' }, { dst: '::1:0/64' }],
  })
  t.match(resultToJson(result, '1.0.0'), {
    ips: [{ address: '10.0.0.2/24' }],
    routes: [{ dst: '10.1.2.3/16' }, { dst: '::1:0/64' }],
  })
})

t.test('writes a route without a destination as Go does', async (t) => {
  t.equal(
    encodeResult(resultOf({ routes: [{ mtu: 9 }] }), '1.0.0').match(/"dst": (.*),/)?.[1],
    '"\\u003cnil\\u003e"',
  )
  t.strictSame(routeToJson({}), { dst: '<nil>' })
})

t.test('drops what old versions have no place for', async (t) => {
  const routesOnly = { dst: '2001:db8::/32' }
  const result = resultOf({
    interfaces: [{ name: 'eth0' }],
    ips: [
      { address: '10.0.0.2/24', interface: 0 },
      { address: '10.0.0.3/24', interface: 0 },
    ],
    routes: [routesOnly, { dst: '10.1.0.0/16', priority: 5 }, { mtu: 1400 }],
  })
  t.strictSame(resultToJson(result, '0.1.0'), {
    cniVersion: '0.1.0',
    ip4: { ip: '10.0.0.2/24', routes: [{ dst: '10.1.0.0/16' }] },
    dns: {},
  })
})

t.test('cannot write a result without addresses in 0.1.0 and 0.2.0', async (t) => {
  for (const version of ['0.1.0', '0.2.0'] as const) {
    const error = thrown(() => resultToJson(resultOf({ interfaces: [{ name: 'eth0' }] }), version))
    t.strictSame(error.toObject(), { code: 999, msg: 'cannot convert: no valid IP addresses' })
  }
})
