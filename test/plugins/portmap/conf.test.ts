import t from 'tap'
import { cleanupConf, parsePortmapConf } from '../../../plugins/portmap/conf.ts'
import { requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const parse = (conf: object) => parsePortmapConf(requestOf({ conf }))
const mapping = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }
const withMapping = (keys: object) => ({
  runtimeConfig: { portMappings: [mapping, { ...mapping, ...keys }] },
})

const defaults = {
  snat: true,
  masqAll: false,
  markMasqBit: 13,
  externalSetMarkChain: undefined,
  conditions: { 4: [], 6: [] },
  backend: undefined,
  mappings: [],
  dataDir: '/var/lib/cni/portmap',
}

t.test('defaults, and every key', async (t) => {
  t.strictSame(parse({}), defaults)
  t.strictSame(parse({ runtimeConfig: { portMappings: [] }, backend: null }), defaults)
  t.strictSame(
    parse({
      ...{ Backend: 'iptables', snat: false, masqAll: true, markMasqBit: 0, dataDir: '/x' },
      ...{ conditionsV4: ['-s', '192.0.2.1'], conditionsV6: ['!', '-i', 'eth0'] },
      runtimeConfig: { portMappings: [{ ...mapping, protocol: 'UDP', hostIP: '192.0.2.1' }] },
    }),
    {
      ...{ snat: false, masqAll: true, markMasqBit: 0, externalSetMarkChain: undefined },
      conditions: { 4: ['-s', '192.0.2.1'], 6: ['!', '-i', 'eth0'] },
      backend: 'iptables',
      mappings: parse({
        runtimeConfig: { portMappings: [{ ...mapping, protocol: 'udp', hostIP: '192.0.2.1' }] },
      }).mappings,
      dataDir: '/x',
    },
  )
})

t.test('the backend', async (t) => {
  t.equal(parse({ backend: 'nftables' }).backend, 'nftables')
  t.equal(parse({ conditionsV6: ['ip6', 'saddr', 'fd00::1'] }).backend, 'nftables')
  t.equal(parse({ conditionsV4: ['-i', 'eth0'] }).backend, 'iptables')
  t.equal(parse({ externalSetMarkChain: 'X' }).backend, 'iptables')
  t.equal(parse({ conditionsV4: [''] }).backend, undefined)
})

const errors: [conf: object, message: string, details: RegExp][] = [
  [{ backend: 'ipfw' }, 'unrecognized backend "ipfw"', /"iptables" or "nftables"/],
  [{ backend: '' }, 'unrecognized backend ""', /expected/],
  [
    { backend: 'iptables', conditionsV4: ['a'], conditionsV6: ['b'] },
    'iptables backend was requested but configuration contains nftables-specific options ' +
      '[conditionsV4 conditionsV6]',
    /set "backend" to "nftables"/,
  ],
  [
    { backend: 'nftables', externalSetMarkChain: 'X', conditionsV4: ['-a'], conditionsV6: ['!'] },
    'nftables backend was requested but configuration contains iptables-specific options ' +
      '[externalSetMarkChain conditionsV4 conditionsV6]',
    /set "backend" to "iptables"/,
  ],
  [
    { externalSetMarkChain: 'X', markMasqBit: 5 },
    'Cannot specify externalSetMarkChain and markMasqBit',
    /remove one/,
  ],
  [{ markMasqBit: 32 }, 'MasqMarkBit must be between 0 and 31', /is 32/],
  [{ markMasqBit: -1 }, 'MasqMarkBit must be between 0 and 31', /is -1/],
  [{ externalSetMarkChain: 'a b' }, 'externalSetMarkChain must be the name of a chain', /"a b"/],
  [{ conditionsV4: ['-i', 'a\nCOMMIT'] }, 'conditionsV4.1 must be a word of one rule', /COMMIT/],
  [{ conditionsV6: ['a;', 'b'] }, 'conditionsV6.0 must be a word of one rule', /a;/],
  [{ dataDir: 'x' }, 'dataDir must be an absolute path', /"x"/],
  [
    withMapping({ hostPort: 0 }),
    'Invalid host port number: 0',
    /^runtimeConfig\.portMappings\.1\.hostPort must be from 1 to 65535$/,
  ],
  [
    withMapping({ hostPort: 65536 }),
    'Invalid host port number: 65536',
    /portMappings\.1\.hostPort/,
  ],
  [
    withMapping({ containerPort: -1 }),
    'Invalid container port number: -1',
    /^runtimeConfig\.portMappings\.1\.containerPort must be/,
  ],
  [
    withMapping({ protocol: 'icmp' }),
    'runtimeConfig.portMappings.1.protocol must be one of "tcp", "udp", "sctp"',
    /found "icmp"/,
  ],
  [
    withMapping({ protocol: null }),
    'runtimeConfig.portMappings.1.protocol must be one of "tcp", "udp", "sctp"',
    /found nothing/,
  ],
  [
    withMapping({ hostIP: '300.0.0.1' }),
    'runtimeConfig.portMappings.1.hostIP must be an IP address',
    /"300\.0\.0\.1"/,
  ],
  [
    withMapping({ hostPort: '80' }),
    'failed to parse network configuration: runtimeConfig.portMappings.1.hostPort must be integer',
    /found "80"/,
  ],
  [{ snat: 'yes' }, 'failed to parse network configuration: snat must be boolean', /found "yes"/],
]

for (const [conf, message, details] of errors) {
  t.test(`refuses ${JSON.stringify(conf)}`, async (t) => {
    const error = thrown(() => parse(conf))
    t.equal(error.code, 7)
    t.equal(error.message, message)
    t.match(error.details, details)
  })
}

t.test('what is left of a bad configuration', async (t) => {
  t.strictSame(cleanupConf(requestOf({ conf: { snat: 'no', dataDir: '/x' } })), {
    ...defaults,
    dataDir: '/x',
  })
  t.strictSame(cleanupConf(requestOf({ conf: { dataDir: 7 } })), defaults)
})
