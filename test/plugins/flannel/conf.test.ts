import t from 'tap'
import type { PluginCommand } from '../../../lib/cni/plugin.ts'
import { checkDelegate, parseFlannelConf, parseForCleanup } from '../../../plugins/flannel/conf.ts'
import { contextOf, requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const parse = (conf: object, command: PluginCommand = 'ADD') =>
  parseFlannelConf(requestOf({ command, conf }))

t.test('defaults', async (t) => {
  t.strictSame(parse({ name: 'cbr0' }), {
    name: 'cbr0',
    cniVersion: '1.1.0',
    subnetFile: '/run/flannel/subnet.env',
    dataDir: '/var/lib/cni/flannel',
    delegate: {},
    ipam: {},
    runtimeConfig: undefined,
  })
  t.strictSame(parse({ subnetFile: null, delegate: null, ipam: null }), parse({}), 'null is none')
  t.strictSame(parse({ subnetFile: '', dataDir: '' }), parse({}), 'and so is an empty path')
})

t.test('every key, in any case', async (t) => {
  const conf = {
    name: 'cbr0',
    subnetFile: '/tmp/subnet.env',
    dataDir: '/tmp/flannel',
    delegate: { type: 'ipvlan', HairpinMode: true },
    ipam: { type: 'custom' },
    runtimeConfig: { portMappings: [] },
  }
  t.strictSame(parse(conf), { ...conf, cniVersion: '1.1.0' })
  const { subnetFile, dataDir, runtimeConfig, ...rest } = conf
  const upper = { SubnetFile: subnetFile, DATADIR: dataDir, RuntimeConfig: runtimeConfig }
  t.strictSame(parse({ ...rest, ...upper }), parse(conf))
})

t.test('a configuration without a version has none', async (t) => {
  const { cniVersion } = parseFlannelConf(requestOf({ configuredVersion: '' }))
  t.equal(cniVersion, '')
})

for (const [conf, problem, found] of [
  [{ subnetFile: 5 }, 'subnetFile must be string', '5'],
  [{ dataDir: {} }, 'dataDir must be string', '{}'],
  [{ delegate: 'bridge' }, 'delegate must be object', '"bridge"'],
  [{ ipam: [] }, 'ipam must be object', '[]'],
  [{ runtimeConfig: true }, 'runtimeConfig must be object', 'true'],
] as const) {
  t.test(`says what is wrong with ${JSON.stringify(conf)}`, async (t) => {
    const { code, message, details } = thrown(() => parse(conf))
    t.equal(message, `failed to load flannel netconf file: failed to load netconf: ${problem}`)
    t.equal(code, 7)
    t.match(details, `found ${found} in the network configuration`)
    const inDel = thrown(() => parse(conf, 'DEL'))
    t.equal(inDel.message, `failed to load netconf: ${problem}`)
  })
}

t.test('for DEL, what is wrong counts as missing, and is logged', async (t) => {
  const { log, warnings } = contextOf()
  const cleanup = (conf: object) => parseForCleanup(requestOf({ command: 'DEL', conf }), log)
  t.strictSame(cleanup({ dataDir: '/tmp/x' }), parse({ dataDir: '/tmp/x' }))
  t.strictSame(warnings, [])
  const wrong = { SubnetFile: 5, delegate: [], ipam: 'x', runtimeConfig: 1 }
  t.strictSame(cleanup({ dataDir: '/tmp/x', ...wrong }), parse({ dataDir: '/tmp/x' }))
  t.match(warnings, [/^going on without what is wrong .*subnetFile must be string; found 5 /])
})

t.test('a good delegate', async (t) => {
  for (const delegate of [{}, { type: 'bridge' }, { type: 'ipvlan', master: 'eth1' }]) {
    t.doesNotThrow(() => checkDelegate(parse({ delegate })))
  }
})

for (const [delegate, message, details] of [
  [
    { type: 5 },
    "'delegate' dictionary, if present, must have (string) 'type' field",
    /^found 5; "bridge"/,
  ],
  [
    { type: null },
    "'delegate' dictionary, if present, must have (string) 'type' field",
    /^found null; /,
  ],
  [
    { name: 'x' },
    "'delegate' dictionary must not have 'name' field, it'll be set by flannel",
    'remove delegate.name; "name" belongs beside "delegate"',
  ],
  [
    { ipam: null },
    "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel",
    'remove delegate.ipam; "ipam" belongs beside "delegate"',
  ],
  [
    { type: 'flannel' },
    '\'delegate\' dictionary must not have type "flannel"',
    /^delegate\.type names the plugin that makes the interface/,
  ],
] as const) {
  t.test(`refuses ${JSON.stringify(delegate)} for a delegate`, async (t) => {
    const error = thrown(() => checkDelegate(parse({ delegate })))
    t.equal(error.message, message)
    t.equal(error.code, 7)
    t.match(error.details, details)
  })
}
