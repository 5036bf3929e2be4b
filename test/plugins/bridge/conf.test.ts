import t from 'tap'
import { type BridgeConf, checkCombination, parseBridgeConf } from '../../../plugins/bridge/conf.ts'
import { requestOf, type RequestParts } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const parse = (conf: object, parts: RequestParts = {}) =>
  parseBridgeConf(requestOf({ conf, ...parts }))

const defaults: BridgeConf = {
  bridge: 'cni0',
  isGateway: false,
  isDefaultGateway: false,
  forceAddress: false,
  ipMasq: false,
  ipMasqBackend: undefined,
  mtu: undefined,
  hairpinMode: false,
  promiscMode: false,
  vlan: undefined,
  vlanTrunk: undefined,
  preserveDefaultVlan: false,
  macspoofchk: false,
  enableDad: false,
  disableContainerInterface: false,
  portIsolation: false,
  ipamType: '',
  dns: {},
  mac: undefined,
}

const mac = '0a:58:0a:f4:01:02'
const dns = {
  nameservers: ['10.96.0.10'],
  domain: 'cluster.local',
  search: ['svc'],
  options: ['ndots:5'],
}

/** Each key with a value, what it becomes, and a value of a wrong type with what is expected. */
const keys: [key: string, value: unknown, parsed: Partial<BridgeConf>, wrong: unknown][] = [
  ['bridge', 'br7', { bridge: 'br7' }, 7],
  ['isGateway', true, { isGateway: true }, 'true'],
  ['isDefaultGateway', true, { isGateway: true, isDefaultGateway: true }, 1],
  ['forceAddress', true, { forceAddress: true }, 'yes'],
  ['ipMasq', true, { ipMasq: true }, 'true'],
  ['ipMasqBackend', 'nftables', { ipMasqBackend: 'nftables' }, true],
  ['mtu', 1450, { mtu: 1450 }, '1450'],
  ['mtu', 0, {}, 1400.5],
  ['hairpinMode', true, { hairpinMode: true }, 'on'],
  ['promiscMode', true, { promiscMode: true }, []],
  ['vlan', 100, { vlan: 100 }, '100'],
  ['vlan', 0, {}, 1.5],
  ['vlanTrunk', [{ id: 7 }], { vlanTrunk: [7] }, { id: 7 }],
  ['vlanTrunk', [], {}, [7]],
  ['preserveDefaultVlan', true, { preserveDefaultVlan: true }, 0],
  ['macspoofchk', true, { macspoofchk: true }, 'true'],
  ['enabledad', true, { enableDad: true }, 1],
  ['disableContainerInterface', true, { disableContainerInterface: true }, 'no'],
  ['portIsolation', true, { portIsolation: true }, 'isolated'],
  ['ipam', { type: 'host-local' }, { ipamType: 'host-local' }, 'host-local'],
  ['ipam', { type: '' }, {}, { type: 1 }],
  ['ipam', {}, {}, []],
  ['dns', dns, { dns }, ['10.96.0.10']],
  ['dns', { search: [] }, {}, { search: 'svc' }],
  ['args', { cni: { mac } }, { mac }, { cni: { mac: 10 } }],
  ['runtimeConfig', { mac }, { mac }, { mac: true }],
]

t.test('every key, its default and its type', async (t) => {
  t.strictSame(parse({}), defaults)
  for (const [key, value, parsed, wrong] of keys) {
    t.strictSame(parse({ [key]: value }), { ...defaults, ...parsed }, key)
    t.strictSame(parse({ [key.toUpperCase()]: value }), { ...defaults, ...parsed }, 'in any case')
    t.strictSame(parse({ [key]: null }), defaults, `${key}: null is the default`)
    const error = thrown(() => parse({ [key]: wrong }))
    t.equal(error.code, 7, `${key} of a wrong type`)
    t.match(error.message, new RegExp(`^failed to load netconf: ${key}[.\\w]* must be `))
    t.match(error.details, /^found .+ in the network configuration; correct it there$/)
  }
})

t.test('what is wrong, where, and what was expected', async (t) => {
  for (const [conf, message, found] of [
    [{ mtu: '1450' }, 'mtu must be integer', '"1450"'],
    [{ mtu: -1 }, 'mtu must be >= 0', '-1'],
    [{ mtu: 65536 }, 'mtu must be <= 65535', '65536'],
    [{ hairpinMode: 'on' }, 'hairpinMode must be boolean', '"on"'],
    [{ vlanTrunk: [{ id: 1 }, { minID: 'a' }] }, 'vlanTrunk.1.minID must be integer', '"a"'],
    [{ runtimeConfig: { mac: 5 } }, 'runtimeConfig.mac must be string', '5'],
    [{ HairpinMode: 'on' }, 'hairpinMode must be boolean', '"on"'],
  ] as const) {
    t.match(
      thrown(() => parse(conf)),
      {
        code: 7,
        message: `failed to load netconf: ${message}`,
        details: `found ${found} in the network configuration; correct it there`,
      },
    )
  }
})

t.test('of two spellings of a key the last one counts, and others are ignored', async (t) => {
  t.equal(parse({ bridge: 'br1', BRIDGE: 'br2' }).bridge, 'br2')
  t.equal(parse({ BRIDGE: 'br2', bridge: 'br1' }).bridge, 'br1')
  t.equal(parse({ args: { CNI: { Mac: mac } } }).mac, mac)
  t.strictSame(parse({ capabilities: { mac: true }, unknown: 1 }), defaults)
})

t.test('the name of the bridge is one that the kernel takes', async (t) => {
  for (const [bridge, message] of [
    ['', 'interface name is empty'],
    ['a-bridge-too-long', 'interface name is too long'],
    ['a/b', 'interface name contains / or : or whitespace characters'],
    ['..', 'interface name is . or ..'],
  ] as const) {
    t.match(
      thrown(() => parse({ bridge })),
      {
        code: 7,
        message: `bridge ${JSON.stringify(bridge)}: ${message}`,
      },
    )
  }
})

t.test('the runtime’s MAC goes before the configuration’s, and that before CNI_ARGS', async (t) => {
  const [runtime, conf, args] = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03']
  const fromRuntime = { runtimeConfig: { mac: runtime } }
  const fromConf = { args: { cni: { mac: conf } } }
  const all = { ...fromRuntime, ...fromConf }
  const inArgs = { args: `MAC=${args}` }
  t.equal(parse(all, inArgs).mac, runtime)
  t.equal(parse(fromRuntime, inArgs).mac, runtime)
  t.equal(parse(fromConf, inArgs).mac, conf)
  t.equal(parse({}, inArgs).mac, args)
  t.equal(parse({ ...all, runtimeConfig: { mac: '' } }, inArgs).mac, conf, 'an empty one is none')
  t.equal(parse({}, { args: 'MAC=' }).mac, undefined)
  t.equal(parse({}, { args: `IgnoreUnknown=1;IP=10.0.0.1;X=y;${inArgs.args}` }).mac, args)
})

t.test('a MAC in any spelling of an Ethernet address', async (t) => {
  for (const text of ['0A:58:0A:F4:01:02', '0a-58-0a-f4-01-02', '0a58.0af4.0102']) {
    t.equal(parse({ runtimeConfig: { mac: text } }).mac, mac)
  }
  const [infiniband, group, zero] = [`${mac}:03:04`, '01:00:5e:00:00:01', '00:00:00:00:00:00']
  for (const [conf, args, path] of [
    [{ runtimeConfig: { mac: 'zz' } }, '', 'runtimeConfig.mac'],
    [{ runtimeConfig: { mac: infiniband } }, '', 'runtimeConfig.mac'],
    [{ args: { cni: { mac: group } } }, '', 'args.cni.mac'],
    [{}, `MAC=${zero}`, 'MAC in CNI_ARGS'],
  ] as const) {
    const error = thrown(() => parse(conf, { args }))
    t.equal(error.code, 7)
    t.match(error.message, /^address [\w:]+: invalid MAC address$/)
    t.equal(error.details, `${path} must be the address of one machine, like ${mac}`)
  }
})

t.test('settings that cannot go together', async (t) => {
  const check = (conf: object) => {
    const request = requestOf({ conf })
    checkCombination(parseBridgeConf(request), request)
  }
  const ipam = { type: 'host-local' }
  for (const [conf, message] of [
    [
      { ipam, disableContainerInterface: true },
      'cannot use IPAM when DisableContainerInterface flag is set',
    ],
    [
      { hairpinMode: true, promiscMode: true },
      'cannot set hairpin mode and promiscuous mode at the same time',
    ],
  ] as const) {
    const error = thrown(() => check(conf))
    t.match(error, { code: 7, message })
    t.not(error.details, '', 'says what to do')
  }
  t.strictSame(thrown(() => check({ cniVersion: '0.2.0' })).toObject(), {
    code: 7,
    msg: 'cannot convert: no valid IP addresses',
  })
  check({ disableContainerInterface: true, hairpinMode: true })
  check({ cniVersion: '0.2.0', ipam })
})
