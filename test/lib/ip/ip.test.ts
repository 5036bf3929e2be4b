import { isIP, isIPv4 } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  type Cidr,
  contains,
  family,
  formatCidr,
  formatIp,
  type Ip,
  ipFromBytes,
  ipFromValue,
  ipToBytes,
  isInside,
  lastIp,
  network,
  parseCidr,
  parseIp,
  sameCidr,
  sameIp,
} from '../../../lib/ip/ip.ts'
import { cidrs, ips } from '../../support/result.ts'

/** An address in text that is one. */
function ip(text: string): Ip {
  const parsed = parseIp(text)
  if (parsed === undefined) throw new Error(`${text} is no address`)
  return parsed
}

/** A prefix in text that is one. */
function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(`${text} is no prefix`)
  return parsed
}

const anyIp = fc.oneof(ips(4), ips(6))
const anyCidr = fc.oneof(cidrs(4), cidrs(6))
const holds = <T>(t: Test, arbitrary: fc.Arbitrary<T>, predicate: (value: T) => boolean) =>
  t.doesNotThrow(() => fc.assert(fc.property(arbitrary, predicate)))

const spellings: [text: string, want: string][] = [
  ['10.244.1.1', '10.244.1.1'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['::', '::'],
  ['::1', '::1'],
  ['1::', '1::'],
  ['FE80::1', 'fe80::1'],
  ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:db8:0:0:1:0:0:0', '2001:db8:0:0:1::'],
  ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
  ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
  ['::ffff:10.0.0.1', '10.0.0.1'],
  ['::ffff:a00:1', '10.0.0.1'],
  ['::10.0.0.1', '::a00:1'],
]

const noIps = [
  ...[
    '',
    ' ',
    '10.0.0',
    '10.0.0.1.2',
    '10.0.0.256',
    '10.0.0.01',
    '010.0.0.1',
    '10.0.0.1 ',
    '10.0.0.1\n',
  ],
  ...['10.0.0.-1', '1e1.0.0.1', '0x0a.0.0.1', '167772161', '10.0.0.1/24', '١.0.0.1', '10..0.1'],
  ...[':', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7:8::', '1::2::3', '::12345'],
  ...[
    '::g',
    'fe80::1%eth0',
    '[::1]',
    ':1::',
    '::1:',
    '1.2.3.4::',
    '::1.2.3',
    '::1.2.3.04',
    '::1.2.3.4:5',
  ],
]

t.test('reads an address in every spelling, and writes it in one', async (t) => {
  for (const [text, want] of spellings) t.equal(formatIp(ip(text)), want, text)
})

t.test('refuses everything else', async (t) => {
  for (const text of noIps) t.equal(parseIp(text), undefined, JSON.stringify(text))
})

t.test('agrees with the engine on what is an address', async (t) => {
  const pieces = fc.constantFrom(
    '0',
    '1',
    '01',
    '255',
    '256',
    'f',
    'ffff',
    '.',
    ':',
    '::',
    ' ',
    '/',
  )
  const nearly = fc.array(pieces, { maxLength: 16 }).map((parts) => parts.join(''))
  for (const text of [nearly, fc.ipV4(), fc.ipV4Extended(), fc.ipV6(), fc.string()]) {
    holds(
      t,
      text,
      (text) => text.includes('%') || (parseIp(text) !== undefined) === (isIP(text) !== 0),
    )
  }
})

t.test('agrees with the engine on how an address is written', async (t) => {
  holds(t, ips(4), (ip) => isIPv4(formatIp(ip)))
  holds(t, ips(6), (ip) => new URL(`http://[${formatIp(ip)}]/`).hostname === `[${formatIp(ip)}]`)
  holds(t, fc.ipV6(), (text) => {
    const { hostname } = new URL(`http://[${text}]/`)
    return family(ip(text)) === 4 || hostname === `[${formatIp(ip(text))}]`
  })
})

t.test('reads what it wrote', async (t) => {
  holds(t, anyIp, (ip) => sameIp(parseIp(formatIp(ip)) as Ip, ip))
  holds(t, anyIp, (ip) => sameIp(ipFromBytes(ipToBytes(ip)), ip))
  holds(t, anyCidr, (cidr) => sameCidr(parseCidr(formatCidr(cidr)) as Cidr, cidr))
})

const prefixes: [text: string, want: string][] = [
  ['10.244.1.1/24', '10.244.1.1/24'],
  ['10.0.0.0/0', '10.0.0.0/0'],
  ['10.0.0.1/032', '10.0.0.1/32'],
  ['2001:DB8::1/64', '2001:db8::1/64'],
  ['::/0', '::/0'],
  ['::ffff:10.0.0.1/120', '10.0.0.1/24'],
  ['::ffff:10.0.0.1/96', '10.0.0.1/0'],
]

const noPrefixes = [
  ...[
    '',
    '/',
    '10.0.0.1',
    '10.0.0.1/',
    '/24',
    '10.0.0.1/33',
    '10.0.0.1/-1',
    '10.0.0.1/+1',
    '10.0.0.1/ 8',
  ],
  ...[
    '10.0.0.1/24/24',
    '10.0.0.1/24 ',
    '10.0.0.1/2e1',
    '10.0.0.1/0x8',
    '10.0.0/24',
    '10.0.0.01/24',
  ],
  ...[
    '::1/129',
    '::1',
    'fe80::1%eth0/64',
    '::ffff:10.0.0.1/24',
    '10.0.0.1/99999999999999999999999',
  ],
]

t.test('prefixes', async (t) => {
  for (const [text, want] of prefixes) t.equal(formatCidr(cidr(text)), want)
  for (const text of noPrefixes) t.equal(parseCidr(text), undefined, JSON.stringify(text))
})

const bounds: [text: string, first: string, last: string][] = [
  ['10.244.1.5/24', '10.244.1.0/24', '10.244.1.255'],
  ['10.1.2.3/0', '0.0.0.0/0', '255.255.255.255'],
  ['10.1.2.3/32', '10.1.2.3/32', '10.1.2.3'],
  ['10.1.2.3/31', '10.1.2.2/31', '10.1.2.3'],
  ['2001:db8::5/64', '2001:db8::/64', '2001:db8::ffff:ffff:ffff:ffff'],
  ['2001:db8::5/128', '2001:db8::5/128', '2001:db8::5'],
  ['ffff::/0', '::/0', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
]

t.test('where a prefix begins and ends', async (t) => {
  for (const [text, first, last] of bounds) {
    t.equal(formatCidr(network(cidr(text))), first)
    t.equal(formatIp(lastIp(cidr(text))), last)
  }
  holds(t, anyCidr, (cidr) => {
    const { ip } = network(cidr)
    const end = lastIp(cidr)
    const inside = [ip, cidr.ip, end].every((each) => contains(cidr, each))
    const size = 1n << BigInt(ip.bitSize - cidr.prefix)
    return inside && end.value - ip.value + 1n === size
  })
})

const containments: [prefix: string, address: string, want: boolean][] = [
  ['10.244.1.5/24', '10.244.1.0', true],
  ['10.244.1.5/24', '10.244.2.0', false],
  ['0.0.0.0/0', '1.2.3.4', true],
  ['0.0.0.0/0', '::1', false],
  ['::/0', '1.2.3.4', false],
  ['::/0', '::1', true],
  ['10.0.0.1/32', '10.0.0.1', true],
  ['10.0.0.1/32', '10.0.0.2', false],
]

t.test('what a prefix contains', async (t) => {
  for (const [prefix, address, want] of containments) {
    t.equal(contains(cidr(prefix), ip(address)), want, `${address} in ${prefix}`)
  }
})

t.test('the same number in two families is two addresses', async (t) => {
  t.notOk(sameIp(ip('0.0.0.1'), ip('::1')))
  t.notOk(sameCidr(cidr('0.0.0.0/0'), cidr('::/0')))
  t.notOk(sameCidr(cidr('10.0.0.1/24'), cidr('10.0.0.1/25')))
  t.ok(sameCidr(cidr('10.0.0.1/24'), cidr('10.0.0.1/24')))
})

t.test('bytes and numbers of a wrong size', async (t) => {
  t.strictSame(ipToBytes(ip('10.244.1.1')), Uint8Array.of(10, 244, 1, 1))
  t.equal(formatIp(ipFromBytes(ipToBytes(ip('2001:db8::1')))), '2001:db8::1')
  for (const length of [0, 3, 5, 15, 17]) {
    t.throws(() => ipFromBytes(new Uint8Array(length)), {
      message: `an IP address has 4 or 16 bytes, got ${length}`,
    })
  }
  for (const [of, value] of [
    [4, -1n],
    [4, 1n << 32n],
    [6, 1n << 128n],
  ] as const) {
    t.throws(() => ipFromValue(of, value), RangeError)
  }
  t.equal(formatIp(ipFromValue(4, (1n << 32n) - 1n)), '255.255.255.255')
})

t.test('what is inside any of some prefixes', async (t) => {
  const networks = [cidr('10.244.1.9/16'), cidr('fd00:244::/48')]
  t.equal(isInside(networks, parseIp('10.244.255.255')!), true, 'also with host bits')
  t.equal(isInside(networks, parseIp('fd00:244:0:ffff::1')!), true)
  t.equal(isInside(networks, parseIp('10.245.0.0')!), false)
  t.equal(isInside([], parseIp('10.244.0.1')!), false)
})
