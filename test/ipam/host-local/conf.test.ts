import t from 'tap'
import { networkDirectory, parseConf } from '../../../ipam/host-local/conf.ts'
import { formatRangeSet } from '../../../ipam/host-local/range.ts'
import { formatIp } from '../../../lib/ip/ip.ts'
import { contextOf, requestOf, type RequestParts } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

function parse(parts: RequestParts) {
  return parseConf(requestOf(parts), contextOf().log)
}

t.test('fills in all defaults', async (t) => {
  const conf = parse({ conf: { ipam: { subnet: '10.1.2.0/24' } } })
  t.match(conf, {
    directory: '/var/lib/cni/networks/net1',
    requested: [],
    routes: [],
    resolvConf: '',
  })
  t.strictSame(conf.rangeSets.map(formatRangeSet), ['10.1.2.1-10.1.2.254'])
})

t.test('sets come from the runtime, the single range and the list, in this order', async (t) => {
  const { rangeSets } = parse({
    conf: {
      runtimeConfig: { ipRanges: [[{ subnet: '10.3.0.0/24' }], [{ subnet: '10.4.0.0/24' }]] },
      ipam: {
        subnet: '10.2.0.0/24',
        ranges: [[{ subnet: '10.0.0.0/24' }, { subnet: '10.1.0.0/24' }]],
      },
    },
  })
  t.strictSame(rangeSets.map(formatRangeSet), [
    '10.3.0.1-10.3.0.254',
    '10.4.0.1-10.4.0.254',
    '10.2.0.1-10.2.0.254',
    '10.0.0.1-10.0.0.254,10.1.0.1-10.1.0.254',
  ])
})

t.test('addresses are requested in three ways, which count together', async (t) => {
  const { requested } = parse({
    args: 'IP=10.1.2.10',
    conf: {
      args: { cni: { ips: ['10.1.2.11', '2001:db8::11/64'] } },
      runtimeConfig: { ips: ['10.1.2.12/24', '::ffff:10.1.2.13'] },
      ipam: { subnet: '10.1.2.0/24' },
    },
  })
  t.strictSame(requested.map(formatIp), [
    '10.1.2.10',
    '10.1.2.11',
    '2001:db8::11',
    '10.1.2.12',
    '10.1.2.13',
  ])
})

t.test('keys are matched in any case, and null counts as missing', async (t) => {
  const conf = {
    IPAM: { Subnet: '10.1.2.0/24', gateway: null, DATADIR: '/d', routes: null },
    args: null,
  }
  t.equal(parse({ conf }).directory, '/d/net1')
})

t.test('routes keep what they have', async (t) => {
  const routes = [{ dst: '0.0.0.0/0' }, { dst: '10.9.0.0/16', gw: '10.1.2.9', mtu: 1400, table: 0 }]
  const conf = parse({ conf: { ipam: { subnet: '10.1.2.0/24', routes } } })
  t.match(conf.routes, [
    { dst: { prefix: 0 } },
    { gw: { value: 0x0a010209n }, mtu: 1400, table: 0 },
  ])
})

const subnet = { subnet: '10.1.2.0/24' }
const refused: [name: string, parts: RequestParts, want: object][] = [
  ['no ipam', {}, { code: 7, message: "IPAM config missing 'ipam' key" }],
  ['no ranges', { conf: { ipam: {} } }, { code: 7, message: 'no IP ranges specified' }],
  [
    'ranges that are no list of lists',
    { conf: { ipam: { ranges: [{ subnet: '10.1.2.0/24' }] } } },
    { code: 7, message: 'ipam.ranges.0 must be array', details: /found \{"subnet":/ },
  ],
  [
    'a subnet that is a number',
    { conf: { ipam: { subnet: 10 } } },
    { code: 7, message: 'ipam.subnet must be string', details: /found 10 / },
  ],
  [
    'CNI_ARGS with a bad address',
    { args: 'IP=10.1.2', conf: { ipam: subnet } },
    {
      code: 4,
      message: 'ARGS: error parsing value of pair "IP=10.1.2": invalid IP address 10.1.2',
    },
  ],
  [
    'a bad requested address',
    { conf: { ipam: subnet, runtimeConfig: { ips: ['10.1.2.300'] } } },
    { code: 7, message: 'invalid IP address 10.1.2.300' },
  ],
  [
    'an empty requested address',
    { conf: { ipam: subnet, args: { cni: { ips: [''] } } } },
    { code: 7, message: 'cannot understand ip: IP <nil> not v4 nor v6' },
  ],
  [
    'a null requested address',
    { conf: { ipam: subnet, runtimeConfig: { ips: [null] } } },
    { code: 7, message: 'cannot understand ip: IP <nil> not v4 nor v6' },
  ],
  [
    'two addresses of a family before 0.3.0',
    { conf: { cniVersion: '0.2.0', ipam: { ...subnet, ranges: [[{ subnet: '10.9.0.0/24' }]] } } },
    { code: 7, message: 'CNI version 0.2.0 does not support more than 1 address per family' },
  ],
  [
    'sets that overlap',
    { conf: { ipam: { ...subnet, ranges: [[subnet]] } } },
    { code: 7, message: 'range set 0 overlaps with 1', details: /^ipam and ipam\.ranges\.0 / },
  ],
  [
    'a range of the runtime',
    { conf: { ipam: subnet, runtimeConfig: { ipRanges: [[{ subnet: '10.3.0.1/24' }]] } } },
    { code: 7, details: /^runtimeConfig\.ipRanges\.0\.0\.subnet is "10\.3\.0\.1\/24"/ },
  ],
  [
    'a route that is none',
    { conf: { ipam: { ...subnet, routes: [{ dst: 'x' }] } } },
    { code: 7, message: 'invalid CIDR address: x', details: 'found at ipam.routes.0.dst' },
  ],
]

t.test('refuses what is wrong', async (t) => {
  for (const [name, parts, want] of refused)
    t.match(
      thrown(() => parse(parts)),
      want,
      name,
    )
})

t.test('one address of each family is fine before 0.3.0', async (t) => {
  const ipam = { ranges: [[subnet], [{ subnet: '2001:db8::/64' }]] }
  t.equal(parse({ conf: { cniVersion: '0.2.0', ipam } }).rangeSets.length, 2)
})

t.test('warns of keys that have no effect', async (t) => {
  const context = contextOf()
  const ipam = { gateway: '10.1.2.1', rangeEnd: '10.1.2.9', ranges: [[subnet]] }
  parseConf(requestOf({ conf: { ipam } }), context.log)
  t.strictSame(context.warnings, ['ipam.rangeEnd, ipam.gateway is ignored without ipam.subnet'])
})

t.test('a STATUS can do without the ranges that come with an ADD', async (t) => {
  const conf = { ipam: {}, capabilities: { ipRanges: true } }
  t.strictSame(parse({ command: 'STATUS', conf }).rangeSets, [])
  t.throws(() => parse({ command: 'ADD', conf }), { message: 'no IP ranges specified' })
  t.throws(() => parse({ command: 'STATUS', conf: { ipam: {} } }))
})

t.test('the directory is found in configurations that are otherwise broken', async (t) => {
  const directory = (conf: object) => networkDirectory(requestOf({ conf }).conf)
  t.equal(directory({ ipam: { dataDir: '/d', subnet: 5, ranges: 'x' } }), '/d/net1')
  t.equal(directory({ ipam: { dataDir: '' } }), '/var/lib/cni/networks/net1')
  t.equal(directory({ ipam: [] }), '/var/lib/cni/networks/net1')
  t.throws(() => directory({ ipam: { dataDir: 5 } }), {
    code: 7,
    message: 'ipam.dataDir must be string',
  })
  for (const name of ['..', 'a/b', '', '../../etc']) {
    t.throws(() => directory({ name, ipam: { dataDir: '/d' } }), { code: 7 }, name)
  }
})
