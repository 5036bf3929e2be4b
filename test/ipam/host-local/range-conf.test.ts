import t from 'tap'
import type { RawRange } from '../../../ipam/host-local/conf-schema.ts'
import {
  checkSetsDisjoint,
  parseRangeSets,
  type RawRangeSet,
} from '../../../ipam/host-local/range-conf.ts'
import { formatIp } from '../../../lib/ip/ip.ts'
import { setOf } from './builders.ts'

const complete: [range: RawRange, start: string, end: string, gateway: string][] = [
  [{ subnet: '192.0.2.0/24' }, '192.0.2.1', '192.0.2.254', '192.0.2.1'],
  [
    { subnet: '192.0.2.0/24', rangeStart: '', gateway: '' },
    '192.0.2.1',
    '192.0.2.254',
    '192.0.2.1',
  ],
  [{ subnet: '192.0.2.4/30' }, '192.0.2.5', '192.0.2.6', '192.0.2.5'],
  [
    { subnet: '2001:DB8:1::/64' },
    '2001:db8:1::1',
    '2001:db8:1:0:ffff:ffff:ffff:ffff',
    '2001:db8:1::1',
  ],
  [{ subnet: '2001:db8:1::/126' }, '2001:db8:1::1', '2001:db8:1::3', '2001:db8:1::1'],
  [
    {
      subnet: '192.0.2.0/24',
      rangeStart: '192.0.2.40',
      rangeEnd: '192.0.2.50',
      gateway: '10.9.9.9',
    },
    '192.0.2.40',
    '192.0.2.50',
    '10.9.9.9',
  ],
  [
    { subnet: '192.0.2.0/24', rangeStart: '192.0.2.0', rangeEnd: '::ffff:192.0.2.255' },
    '192.0.2.0',
    '192.0.2.255',
    '192.0.2.1',
  ],
]

t.test('fills in what is left out', async (t) => {
  for (const [raw, ...want] of complete) {
    const [{ start, end, gateway }] = setOf(raw)
    t.strictSame([start, end, gateway].map(formatIp), want, JSON.stringify(raw))
  }
})

const refused: [ranges: RawRange[], message: string, details: RegExp][] = [
  [[], 'empty range set', /^ranges\.0 needs at least one range/],
  [[{}], 'IP <nil> not v4 nor v6', /^ranges\.0\.0 needs a "subnet"/],
  [[{ subnet: '' }], 'invalid CIDR address: ', /^ranges\.0\.0\.subnet is ""/],
  [[{ subnet: '10.0.0.1' }], 'invalid CIDR address: 10.0.0.1', /reads like 10\.1\.2\.0\/24/],
  [
    [{ subnet: '192.0.2.0/31' }],
    'Network 192.0.2.0/31 too small to allocate from',
    /the longest prefix is \/30/,
  ],
  [[{ subnet: '2001:db8::/127' }], 'Network 2001:db8::/127 too small to allocate from', /\/126/],
  [[{ subnet: '::ffff:10.0.0.0/104' }], 'IPNet IP and Mask version mismatch', /write it as IPv4/],
  [
    [{ subnet: '192.0.2.12/24' }],
    'Network has host bits set. For a subnet mask of length 24 the network address is 192.0.2.0',
    /write 192\.0\.2\.0\/24/,
  ],
  [
    [{ subnet: '2001:db8:1::24/64' }],
    'Network has host bits set. For a subnet mask of length 64 the network address is 2001:db8:1::',
    /write 2001:db8:1::\/64/,
  ],
  [
    [{ subnet: '192.168.127.0/23' }],
    'Network has host bits set. For a subnet mask of length 23 the network address is 192.168.126.0',
    /write 192\.168\.126\.0\/23/,
  ],
  [
    [{ subnet: '192.0.2.0/24', gateway: 'x' }],
    'invalid IP address: x',
    /^found at ranges\.0\.0\.gateway$/,
  ],
  [
    [{ subnet: '192.0.2.0/24', rangeStart: '192.0.3.0' }],
    'RangeStart 192.0.3.0 not in network 192.0.2.0/24',
    /^ranges\.0\.0\.rangeStart must lie in the subnet/,
  ],
  [
    [{ subnet: '192.0.2.0/24', rangeStart: '2001:db8::1' }],
    'RangeStart 2001:db8::1 not in network 192.0.2.0/24',
    /rangeStart/,
  ],
  [
    [{ subnet: '192.0.2.0/24', rangeStart: '192.0.2.9', rangeEnd: '192.0.2.5' }],
    'RangeStart 192.0.2.9 not in network 192.0.2.0/24',
    /not behind the end, 192\.0\.2\.5/,
  ],
  [
    [{ subnet: '192.0.2.0/24', rangeEnd: '192.0.4.0' }],
    'RangeEnd 192.0.4.0 not in network 192.0.2.0/24',
    /rangeEnd must lie in the subnet/,
  ],
  [
    [{ subnet: '192.0.2.0/24' }, { subnet: '2001:db8::/64' }],
    'mixed address families',
    /one set for each/,
  ],
  [
    [{ subnet: '10.1.0.0/22' }, { subnet: '10.1.2.0/24' }],
    'subnets 10.1.0.1-10.1.3.254 and 10.1.2.1-10.1.2.254 overlap',
    /must not share addresses/,
  ],
]

t.test('refuses what is wrong, and says where and what to write', async (t) => {
  for (const [ranges, message, details] of refused) {
    t.throws(() => setOf(...ranges), {
      code: 7,
      message: `invalid range set 0: ${message}`,
      details,
    })
  }
})

t.test('the index of the set that is wrong', async (t) => {
  const good: RawRangeSet = {
    path: 'a',
    ranges: [{ path: 'a.0', range: { subnet: '10.0.0.0/24' } }],
  }
  t.throws(() => parseRangeSets([good, { path: 'b', ranges: [] }]), {
    message: 'invalid range set 1: empty range set',
  })
})

t.test('sets must not share addresses', async (t) => {
  const raw = ['ipam', 'ipam.ranges.0', 'ipam.ranges.1'].map((path) => ({ path, ranges: [] }))
  const upper = setOf({ subnet: '10.0.0.0/24', rangeStart: '10.0.0.128' })
  const lower = setOf({ subnet: '10.0.0.0/24', rangeEnd: '10.0.0.127' })
  checkSetsDisjoint([lower, upper, setOf('2001:db8::/64')], raw)
  t.throws(() => checkSetsDisjoint([lower, setOf('10.9.0.0/16'), setOf('10.0.0.64/26')], raw), {
    code: 7,
    message: 'range set 0 overlaps with 2',
    details: /^ipam and ipam\.ranges\.1 would give out the same addresses/,
  })
})
