import fc from 'fast-check'
import t from 'tap'
import { formatSubnetKey, parseSubnetKey } from '../../../lib/flannel/subnet-key.ts'
import { formatCidr } from '../../../lib/ip/ip.ts'

t.test('keys of leases, there and back', async (t) => {
  for (const [key, ...subnets] of [
    ['10.12.13.0-24', '10.12.13.0/24'],
    ['10.5.52.0-24&fd00:12:13::-56', '10.5.52.0/24', 'fd00:12:13::/56'],
    ['10.0.0.2-31&fc00::-127', '10.0.0.2/31', 'fc00::/127'],
  ] as const) {
    const found = parseSubnetKey(key)
    t.strictSame(found?.map(formatCidr), subnets, key)
    t.equal(formatSubnetKey(found ?? []), key)
  }
  t.strictSame(parseSubnetKey('/coreos.com/network/subnets/10.1.2.0-24')?.map(formatCidr), [
    '10.1.2.0/24',
  ])
})

t.test('what is no lease’s key', async (t) => {
  for (const key of [
    '',
    '10.12.13.0',
    '10.12.13.300-24',
    '10.12.13.0-24hi',
    '10.12.13.0-32',
    '10.12.13.0-240',
    '10.12-24',
    'fd00:12:13::-56',
    '&2001::-56',
    '10.12.13.0-24&',
    '10.12.13.0-24&2001::',
    '10.12.13.0-24&2001::-128',
    '10.12.13.0-24&2001:::-56',
    '10.12.13.0-24&10.12.14.0-24',
  ]) {
    t.equal(parseSubnetKey(key), undefined, key)
  }
})

t.test('no text breaks it', async () => {
  const part = fc.constantFrom('10.1.2.0', '-24', '&', 'fd00::', '-64', 'x', '')
  const keys = fc.oneof(
    fc.string(),
    fc.array(part).map((parts) => parts.join('')),
  )
  fc.assert(fc.property(keys, (key) => (parseSubnetKey(key)?.length ?? 1) <= 2))
})
