import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import {
  contains,
  family,
  formatCidr,
  formatIp,
  ipFromBytes,
  ipFromValue,
  ipToBytes,
  lastIp,
  network,
  parseCidr,
  parseIp,
  sameCidr,
  sameIp,
} from '../../../lib/net/ip.ts'
import { cidr, ip } from '../../support/address.ts'

const bytes4 = fc.uint8Array({ minLength: 4, maxLength: 4 })
// zeros often, since runs of them are what spelling is about
const byte = fc.oneof(fc.constant(0), fc.nat(255))
const bytes16 = fc.array(byte, { minLength: 16, maxLength: 16 }).map((all) => Uint8Array.from(all))

t.test('addresses come back from bytes and from text', async (t) => {
  fc.assert(
    fc.property(fc.oneof(bytes4, bytes16), (bytes) => {
      const found = ipFromBytes(bytes)
      t.strictSame(ipToBytes(found), bytes)
      t.ok(sameIp(found, parseIp(formatIp(found)) ?? ip('0.0.0.0')) || isMapped(bytes))
    }),
  )
})

t.test('IPv6 is spelled as a URL spells it', async (t) => {
  fc.assert(
    fc.property(bytes16, (bytes) => {
      const text = formatIp(ipFromBytes(bytes))
      t.equal(`[${text}]`, new URL(`http://[${text}]`).hostname)
    }),
  )
})

t.test('what Node takes for an address is one, unless Go does not', async (t) => {
  const part = fc.constantFrom('0', '00', '1', 'ffff', '10000', '255', '256', '1.2.3.4', '', 'g')
  const texts = fc
    .array(part, { maxLength: 9 })
    .chain((parts) => fc.constantFrom(parts.join(':'), parts.join('.'), parts.join('::')))
  fc.assert(
    fc.property(texts, (text) => {
      t.equal(parseIp(text) !== undefined, isIPv4(text) || isIPv6(text), text)
    }),
    { numRuns: 500 },
  )
})

t.test('addresses that are none', async (t) => {
  for (const text of [
    '',
    '01.2.3.4',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    ' 1.2.3.4',
    'fe80::1%eth0',
  ]) {
    t.equal(parseIp(text), undefined, text)
  }
})

t.test('an IPv4-mapped address is the IPv4 address', async (t) => {
  t.equal(formatIp(ip('::ffff:10.1.2.3')), '10.1.2.3')
  t.equal(formatCidr(cidr('::ffff:10.1.2.3/120')), '10.1.2.3/24')
  t.equal(parseCidr('::ffff:10.1.2.3/24'), undefined)
})

t.test('prefixes', async (t) => {
  t.equal(formatCidr(cidr('10.244.1.5/24')), '10.244.1.5/24')
  for (const text of ['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '::/129', '10.0.0.0/-1', '/8']) {
    t.equal(parseCidr(text), undefined, text)
  }
})

t.test('the network and the last address of a prefix', async (t) => {
  for (const [text, first, last] of [
    ['10.244.1.5/24', '10.244.1.0/24', '10.244.1.255'],
    ['10.244.1.5/0', '0.0.0.0/0', '255.255.255.255'],
    ['10.244.1.5/32', '10.244.1.5/32', '10.244.1.5'],
    ['fd00::1:5/112', 'fd00::1:0/112', 'fd00::1:ffff'],
  ] as const) {
    t.equal(formatCidr(network(cidr(text))), first)
    t.equal(formatIp(lastIp(cidr(text))), last)
  }
})

t.test('membership', async (t) => {
  t.ok(contains(cidr('10.244.0.0/16'), ip('10.244.255.255')))
  t.notOk(contains(cidr('10.244.0.0/16'), ip('10.245.0.0')))
  t.ok(contains(cidr('::/0'), ip('fd00::1')))
  t.notOk(contains(cidr('::/0'), ip('10.0.0.1')))
  t.notOk(sameIp(ip('::1'), ip('0.0.0.1')))
  t.ok(sameCidr(cidr('fd00::/64'), cidr('fd00:0::/64')))
  t.notOk(sameCidr(cidr('fd00::/64'), cidr('fd00::/65')))
})

t.test('numbers that an address cannot hold are refused', async (t) => {
  t.equal(formatIp(ipFromValue(4, 2n ** 32n - 1n)), '255.255.255.255')
  t.throws(() => ipFromValue(4, 2n ** 32n), RangeError)
  t.throws(() => ipFromValue(6, -1n), RangeError)
  t.throws(() => ipFromBytes(new Uint8Array(5)), {
    message: 'an IP address has 4 or 16 bytes, got 5',
  })
  t.equal(family(ipFromValue(6, 0n)), 6)
})

function isMapped(bytes: Uint8Array): boolean {
  return bytes.length === 16 && bytes.toHex().startsWith('00000000000000000000ffff')
}
