import t from 'tap'
import { parseSubnetEnv } from '../../../lib/flannel/subnet-env.ts'
import { parseCidr } from '../../../lib/ip/ip.ts'
import { parseFlannelConf } from '../../../plugins/flannel/conf.ts'
import {
  buildCleanupConf,
  buildDelegateConf,
  extendConf,
} from '../../../plugins/flannel/delegate-conf.ts'
import { requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

/** The parsed configuration; version and name are set as given, or not at all. */
function confOf(conf: { name?: string; cniVersion?: string; [key: string]: unknown }) {
  const configuredVersion = conf.cniVersion ?? ''
  const { cniVersion: _, ...rest } = conf
  return parseFlannelConf(requestOf({ configuredVersion, conf: { name: 'cni-flannel', ...rest } }))
}

const env4 = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n'
const env6 = 'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00::1/64\n'
const kubernetesEnv =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
  'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

/** The configuration that the delegate gets, byte for byte. */
function built(conf: object, env: string): string {
  const full = env.includes('MTU') ? env : `${env}FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n`
  return buildDelegateConf(confOf({ ...conf }), parseSubnetEnv(full, 'subnet.env')).stdin
}

t.test('the configuration that real clusters have', async (t) => {
  const delegate = { hairpinMode: true, isDefaultGateway: true }
  t.equal(
    built({ name: 'cbr0', cniVersion: '0.3.1', type: 'flannel', delegate }, kubernetesEnv),
    '{"cniVersion":"0.3.1","hairpinMode":true,"ipMasq":false,' +
      '"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],"routes":[{"dst":"10.244.0.0/16"}],' +
      '"type":"host-local"},"isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0",' +
      '"type":"bridge"}',
  )
})

for (const [what, env, ranges, routes] of [
  ['IPv4', env4, '[{"subnet":"10.1.17.0/24"}]', '{"dst":"10.1.0.0/16"}'],
  ['IPv6', env6, '[{"subnet":"fc00::/64"}]', '{"dst":"fc00::/48"}'],
  [
    'both families',
    env6 + env4,
    '[{"subnet":"10.1.17.0/24"}],[{"subnet":"fc00::/64"}]',
    '{"dst":"10.1.0.0/16"},{"dst":"fc00::/48"}',
  ],
  [
    'two networks',
    `${env4}FLANNEL_NETWORK=10.1.0.0/16,192.168.0.0/16\n`,
    '[{"subnet":"10.1.17.0/24"}]',
    '{"dst":"10.1.0.0/16"},{"dst":"192.168.0.0/16"}',
  ],
] as const) {
  t.test(`${what}, and nothing configured`, async (t) => {
    t.equal(
      built({}, env),
      `{"ipMasq":false,"ipam":{"ranges":[${ranges}],"routes":[${routes}],"type":"host-local"},` +
        '"isGateway":true,"mtu":1472,"name":"cni-flannel","type":"bridge"}',
    )
  })
}

t.test('FLANNEL_IPMASQ says who masquerades', async (t) => {
  const env = `${env4}FLANNEL_MTU=1472\nFLANNEL_IPMASQ=`
  t.match(built({}, `${env}true`), '"ipMasq":false', 'flanneld does')
  t.match(built({}, `${env}false`), '"ipMasq":true', 'the bridge has to')
})

t.test('the keys of delegate win over generated ones', async (t) => {
  const delegate = { ipMasq: true, mtu: 9000, isGateway: false, name2: null, Vlan: { b: 1, a: [] } }
  t.equal(
    built({ delegate: { ...delegate, cniVersion: '0.2.0', runtimeConfig: { a: 1 } } }, env4),
    '{"Vlan":{"a":[],"b":1},"cniVersion":"0.2.0","ipMasq":true,' +
      '"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],' +
      '"type":"host-local"},"isGateway":false,"mtu":9000,"name":"cni-flannel","name2":null,' +
      '"runtimeConfig":{"a":1},"type":"bridge"}',
  )
})

t.test('version and runtimeConfig of the configuration win over those of delegate', async (t) => {
  const delegate = { cniVersion: '0.2.0', runtimeConfig: { a: 1 } }
  const runtimeConfig = { portMappings: [{ hostPort: 8080, containerPort: 80 }] }
  const text = built({ cniVersion: '1.0.0', delegate, runtimeConfig }, env4)
  t.match(text, /^\{"cniVersion":"1\.0\.0",/)
  t.match(
    text,
    '"runtimeConfig":{"portMappings":[{"containerPort":80,"hostPort":8080}]},"type":"bridge"',
  )
})

t.test('isGateway is the bridge’s', async (t) => {
  const conf = confOf({ delegate: { type: 'ipvlan', master: 'eth1' } })
  const env = parseSubnetEnv(kubernetesEnv, 'subnet.env')
  t.strictSame(buildDelegateConf(conf, env), {
    type: 'ipvlan',
    stdin:
      '{"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.244.1.0/24"}]],' +
      '"routes":[{"dst":"10.244.0.0/16"}],"type":"host-local"},"master":"eth1","mtu":1450,' +
      '"name":"cni-flannel","type":"ipvlan"}',
  })
})

t.test('nothing else of the configuration is passed on', async (t) => {
  const more = { args: { a: 1 }, dns: { domain: 'x' }, capabilities: { dns: true }, log: 'debug' }
  t.equal(built({ ...more, prevResult: {}, type: 'flannel', extra: 1 }, env4), built({}, env4))
})

t.test('ipam keeps its type and its unknown keys, and loses its ranges', async (t) => {
  const ipam = { type: 'custom', 'x-param': { a: '<&>' }, subnet: '10.9.0.0/24', ranges: [1] }
  t.match(
    built({ ipam }, env4),
    '"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],' +
      '"subnet":"10.9.0.0/24","type":"custom","x-param":{"a":"\\u003c\\u0026\\u003e"}}',
  )
})

t.test('routes of the configuration come first, re-encoded', async (t) => {
  const routes = [
    { scope: 0, gw: '10.1.17.20', dst: '192.168.244.0/24', unknown: true, mtu: 0 },
    { dst: '10.96.0.1/12' },
    { table: 5000, priority: 100, advmss: 1340, mtu: 1400, dst: 'FC01:0::/64', gw: '' },
  ]
  t.match(
    built({ ipam: { routes } }, env4 + env6),
    '"routes":[{"dst":"192.168.244.0/24","gw":"10.1.17.20","scope":0},{"dst":"10.96.0.1/12"},' +
      '{"dst":"fc01::/64","mtu":1400,"advmss":1340,"priority":100,"table":5000},' +
      '{"dst":"10.1.0.0/16"},{"dst":"fc00::/48"}]',
  )
})

const routePrefix =
  'failed to assemble Delegate IPAM: failed to read IPAM routes: failed to parse ipam.routes: '

t.test('routes in another case are none that flannel knows', async (t) => {
  const stdin = built({ ipam: { Routes: 5, type: 'x' } }, env4)
  t.match(stdin, '"ipam":{"Routes":5,"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst"')
})

for (const [what, routes, message, details] of [
  ['a dst', [{ dst: '10.0.0.0' }], 'invalid CIDR address: 10.0.0.0', 'ipam.routes.0.dst'],
  ['a gw', [{ dst: '10.0.0.0/8' }, { gw: 'x' }], 'invalid IP address: x', 'ipam.routes.1.gw'],
  ['a type', [{ mtu: '1' }], 'routes.0.mtu must be integer', 'found "1"'],
  ['no list', { dst: '10.0.0.0/8' }, 'routes must be array', 'found {"dst":"10.0.0.0/8"}'],
] as const) {
  t.test(`says what is wrong with routes: ${what}`, async (t) => {
    const error = thrown(() => built({ ipam: { routes } }, env4))
    t.equal(error.message, `${routePrefix}${message}`)
    t.equal(error.code, 7)
    t.match(error.details, details)
  })
}

t.test('what to clean up with when subnet.env is gone', async (t) => {
  const addresses = ['10.244.1.7/24', 'fc00::7/64', '10.244.1.8/24'].flatMap(
    (text) => parseCidr(text) ?? [],
  )
  const conf = confOf({
    cniVersion: '1.0.0',
    delegate: { type: 'bridge', mtu: 9000 },
    ipam: { dataDir: '/var/lib/x', routes: [{ dst: 'x' }] },
  })
  const expected = (ranges: string) =>
    '{"cniVersion":"1.0.0",' +
    `"ipam":{"dataDir":"/var/lib/x","ranges":[${ranges}],"routes":[],"type":"host-local"},` +
    '"isGateway":true,"mtu":9000,"name":"cni-flannel","type":"bridge"}'
  const ranges = '[{"subnet":"10.244.1.0/24"}],[{"subnet":"fc00::/64"}]'
  t.equal(buildCleanupConf(conf, addresses).stdin, expected(ranges))
  t.equal(
    buildCleanupConf(conf, []).stdin,
    expected('[{"subnet":"192.0.2.0/24"}]'),
    'a range, because Go’s host-local refuses to have none',
  )
  const wrong = confOf({ delegate: { type: 5, name: 'x', ipam: 'x' } })
  t.match(JSON.parse(buildCleanupConf(wrong, []).stdin), {
    type: 'bridge',
    name: 'cni-flannel',
    ipam: { type: 'host-local' },
  })
})

t.test('more keys', async (t) => {
  const conf = { type: 'bridge', stdin: '{"cniVersion":"0.3.1","type":"bridge"}' }
  t.strictSame(extendConf(conf, { cniVersion: '1.0.0', prevResult: { a: 1 }, none: undefined }), {
    type: 'bridge',
    stdin: '{"cniVersion":"1.0.0","type":"bridge","prevResult":{"a":1}}',
  })
})
