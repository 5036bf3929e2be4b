import fc from 'fast-check'
import t from 'tap'
import { parseNetworkConf, subnetRange } from '../../flanneld/network-conf.ts'
import { DetailedError } from '../../lib/base/errors.ts'
import { formatCidr, formatIp } from '../../lib/ip/ip.ts'
import { thrownDetailed } from '../support/thrown.ts'

const source = '/coreos.com/network/config'
const parse = (conf: object) => parseNetworkConf(JSON.stringify(conf), source)

function rangeOf(conf: object, index = 0): [prefix: number, min: string, max: string] {
  const family = parse(conf).families[index]
  if (family === undefined) throw new Error('there is no such family')
  const { prefix, min, max } = subnetRange(family)
  return [prefix, formatIp(min), formatIp(max)]
}

t.test('defaults of both families', async (t) => {
  t.strictSame(rangeOf({ Network: '10.3.0.0/16' }), [24, '10.3.1.0', '10.3.255.0'])
  const dual = { Network: '10.3.0.0/16', IPv6Network: 'fc00::/48', EnableIPv6: true }
  t.strictSame(rangeOf(dual, 1), [64, 'fc00:0:0:1::', 'fc00:0:0:ffff::'])
  const { families, usesNftables, backend } = parse({ ...dual, EnableIPv4: false })
  t.strictSame(
    families.map(({ family, network }) => [family, formatCidr(network)]),
    [[6, 'fc00::/48']],
  )
  t.strictSame([usesNftables, backend], [false, { type: 'udp', options: {} }])
})

t.test('keys in any case, options kept, the network by its first address', async (t) => {
  const conf = parse({
    network: '10.3.4.5/16',
    enableNFTables: true,
    backend: { type: 'VXLAN', VNI: 7, vniX: null },
    Unknown: 1,
  })
  t.equal(formatCidr(conf.families[0]!.network), '10.3.0.0/16')
  t.strictSame(
    [conf.usesNftables, conf.backend],
    [true, { type: 'vxlan', options: { VNI: 7, vniX: null } }],
  )
})

t.test('lengths and ends of the range', async (t) => {
  t.strictSame(rangeOf({ Network: '10.0.0.0/8', SubnetLen: 20 }), [20, '10.0.16.0', '10.255.240.0'])
  t.strictSame(rangeOf({ Network: '10.0.0.0/22' }), [24, '10.0.1.0', '10.0.3.0'])
  t.strictSame(rangeOf({ Network: '10.0.0.0/23' }), [25, '10.0.0.128', '10.0.1.128'])
  t.strictSame(rangeOf({ Network: '10.0.0.0/28' }), [30, '10.0.0.4', '10.0.0.12'])
  const ends = { Network: '10.0.0.0/8', SubnetMin: '10.10.0.0', SubnetMax: '10.99.0.0' }
  t.strictSame(rangeOf(ends), [24, '10.10.0.0', '10.99.0.0'])
})

for (const [what, conf, message, details] of [
  ['no network', {}, 'Network is missing', /10\.244\.0\.0\/16, since EnableIPv4 is true/],
  ['a network that is none', { Network: '10.0.0.0' }, 'Network is "10.0.0.0"', /IPv4 network/],
  ['the other family', { Network: 'fc00::/48' }, 'Network is "fc00::/48"', /IPv4 network/],
  ['no IPv6 network', { Network: '10.0.0.0/8', EnableIPv6: true }, 'IPv6Network is missing', /56/],
  ['no family', { EnableIPv4: false }, 'neither IPv4 nor IPv6 is enabled', /EnableIPv6/],
  ['a wrong type', { Network: 5 }, 'Network must be string', /found 5/],
  ['a length that is none', { SubnetLen: 2.5 }, 'SubnetLen must be integer', /2\.5/],
  ['no type', { Network: '10.0.0.0/8', Backend: {} }, 'Backend.Type is missing', /vxlan/],
  ['a list', { Network: '10.0.0.0/8', Backend: [] }, 'Backend must be object', /found \[\]/],
] as const) {
  t.test(`refused: ${what}`, async (t) => {
    const error = thrownDetailed(() => parse(conf))
    t.equal(error.message, `${source}: ${message}`)
    t.match(error.details, details)
  })
}

for (const [what, conf, message, details] of [
  ['a network too small', { Network: '10.0.0.0/29' }, 'Network 10.0.0.0/29 is too small', /28/],
  ['a length too short', { Network: '10.0.0.0/8', SubnetLen: 9 }, 'SubnetLen is 9', /10 to 30/],
  ['a length too long', { Network: '10.0.0.0/8', SubnetLen: 31 }, 'SubnetLen is 31', /10 to 30/],
  [
    'outside',
    { Network: '10.0.0.0/8', SubnetMin: '11.0.0.0' },
    'SubnetMin is "11.0.0.0"',
    /inside/,
  ],
  [
    'not aligned',
    { Network: '10.0.0.0/8', SubnetMax: '10.0.0.1' },
    'SubnetMax is "10.0.0.1"',
    /24/,
  ],
  [
    'the wrong order',
    { Network: '10.0.0.0/8', SubnetMin: '10.9.0.0', SubnetMax: '10.8.0.0' },
    'SubnetMin 10.9.0.0 is above SubnetMax 10.8.0.0',
    /first/,
  ],
] as const) {
  t.test(`no range: ${what}`, async (t) => {
    const error = thrownDetailed(() => rangeOf(conf))
    t.equal(error.message, message)
    t.match(error.details, details)
  })
}

t.test('any text is a configuration or a DetailedError', async () => {
  const value = fc.oneof(fc.string(), fc.ipV4(), fc.integer(), fc.boolean(), fc.constant(null))
  const keys = ['Network', 'IPv6Network', 'EnableIPv6', 'SubnetLen', 'SubnetMin', 'Backend', 'x']
  const conf = fc.dictionary(fc.constantFrom(...keys), value).map((each) => JSON.stringify(each))
  fc.assert(
    fc.property(fc.oneof(conf, fc.string(), fc.json()), (text) => {
      try {
        for (const family of parseNetworkConf(text, source).families) subnetRange(family)
        return true
      } catch (error) {
        return error instanceof DetailedError
      }
    }),
  )
})
