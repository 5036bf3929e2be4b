import fc from 'fast-check'
import t from 'tap'
import { DetailedError } from '../../../lib/base/errors.ts'
import {
  formatSubnetEnv,
  IncompleteSubnetEnv,
  parseSubnetEnv,
} from '../../../lib/flannel/subnet-env.ts'
import { formatCidr } from '../../../lib/ip/ip.ts'
import { cidr } from '../../support/address.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const file = '/run/flannel/subnet.env'
const v4 = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n'
const v6 = 'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00::1/64\n'
const rest = 'FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n'

/** What a file says, its networks as text. */
function parse(text: string) {
  const { networks, subnets, mtu, ipMasq } = parseSubnetEnv(text, file)
  return { networks: networks.map(formatCidr), subnets: subnets.map(formatCidr), mtu, ipMasq }
}

const only4 = {
  networks: ['10.1.0.0/16'],
  subnets: ['10.1.17.0/24'],
  mtu: 1472,
  ipMasq: true,
}

t.test('families, each network and subnet masked', async (t) => {
  t.strictSame(parse(v4 + rest), only4)
  t.strictSame(parse(v6 + rest), { ...only4, networks: ['fc00::/48'], subnets: ['fc00::/64'] })
  const both = { networks: ['10.1.0.0/16', 'fc00::/48'], subnets: ['10.1.17.0/24', 'fc00::/64'] }
  t.strictSame(parse(v4 + v6 + rest), { ...only4, ...both })
  t.strictSame(parse(rest + v6 + v4), { ...only4, ...both }, 'IPv4 comes first')
  const mixed = 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_IPV6_SUBNET=fc00::1/64\n'
  t.strictSame(parse(mixed + rest), { ...only4, subnets: ['fc00::/64'] })
})

t.test('either family by the keys of the other', async (t) => {
  const swapped = `${v4}${v6}${rest}`
    .replaceAll('_IPV6_', '_X_')
    .replaceAll(/_(?=NET|SUB)/g, '_IPV6_')
  const parsed = parse(swapped.replaceAll('_X_IPV6_', '_'))
  t.strictSame(parsed.networks, ['fc00::/48', '10.1.0.0/16'])
  t.strictSame(parsed.subnets, ['fc00::/64', '10.1.17.0/24'])
})

t.test('several networks, in the order of the file and once each', async (t) => {
  const networks = 'FLANNEL_NETWORK=10.9.0.0/16,10.1.2.3/16,10.9.4.0/16\n'
  t.strictSame(parse(v4 + networks + rest).networks, ['10.9.0.0/16', '10.1.0.0/16'])
  const ipv6 = 'FLANNEL_IPV6_NETWORK=fc01::/48,fc00::1/48,fc00::/48\n'
  t.strictSame(parse(v4 + v6 + ipv6 + rest).networks, ['10.1.0.0/16', 'fc01::/48', 'fc00::/48'])
  const lengths = 'FLANNEL_NETWORK=10.0.0.0/8,10.0.0.0/16\n'
  t.strictSame(parse(v4 + lengths + rest).networks, ['10.0.0.0/8', '10.0.0.0/16'])
})

for (const [what, text, expected] of [
  ['line ends of DOS', (v4 + rest).replaceAll('\n', '\r\n'), only4],
  ['spaces around lines', (v4 + rest).replaceAll(/^|$/gm, ' \t'), only4],
  ['a byte order mark', `\ufeff${v4}${rest}`, only4],
  ['no line end at the end', (v4 + rest).trimEnd(), only4],
  ['other keys, comments and blank lines', `# flannel\n\nFOO\nFOO=b=r\n${v4}${rest}`, only4],
  ['keys that only look alike', `XFLANNEL_MTU=1\nFLANNEL_MTU2=\nflannel_mtu=\n${v4}${rest}`, only4],
  ['the last of several', `FLANNEL_MTU=x\nFLANNEL_MTU=9\n${v4}${rest}`, only4],
  ['the largest MTU', `${v4}${rest}FLANNEL_MTU=4294967295`, { ...only4, mtu: 4294967295 }],
  ['leading zeros', `${v4}${rest}FLANNEL_MTU=0001450`, { ...only4, mtu: 1450 }],
  ['any other word for false', `${v4}${rest}FLANNEL_IPMASQ=True`, { ...only4, ipMasq: false }],
  ['no word at all', `${v4}${rest}FLANNEL_IPMASQ=`, { ...only4, ipMasq: false }],
] as const) {
  t.test(`reads ${what}`, async (t) => t.strictSame(parse(text), expected))
}

for (const [what, text, missing] of [
  [
    'everything',
    'foo=bar',
    'FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, ' +
      'FLANNEL_IPMASQ',
  ],
  ['the networks', `FLANNEL_SUBNET=10.1.17.1/24\n${rest}`, 'FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK'],
  ['the subnets', `FLANNEL_NETWORK=10.1.0.0/16\n${rest}`, 'FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET'],
  ['the MTU', `${v4}FLANNEL_IPMASQ=true`, 'FLANNEL_MTU'],
  ['IPMASQ', `${v4}FLANNEL_MTU=1472`, 'FLANNEL_IPMASQ'],
  ['a key before a space', `${v6}FLANNEL_IPMASQ=true\nFLANNEL_MTU =1472`, 'FLANNEL_MTU'],
] as const) {
  t.test(`names what is missing: ${what}`, async (t) => {
    const error = thrownDetailed(() => parse(text))
    const { message, details } = error
    t.equal(message, `${file} is missing ${missing}`)
    t.type(error, IncompleteSubnetEnv, 'flanneld may still write it')
    t.match(details, /^flanneld writes \/run\/flannel\/subnet\.env; this one is incomplete/)
  })
}

for (const [line, problem] of [
  ['FLANNEL_MTU', 'FLANNEL_MTU has no "="'],
  ['FLANNEL_MTU=', 'FLANNEL_MTU=: expected a number of bytes'],
  ['FLANNEL_MTU=1450B', 'FLANNEL_MTU=1450B: expected a number of bytes'],
  ['FLANNEL_MTU=-1', 'FLANNEL_MTU=-1: expected a number of bytes'],
  ['FLANNEL_MTU=1e3', 'FLANNEL_MTU=1e3: expected a number of bytes'],
  ['FLANNEL_MTU=4294967296', 'FLANNEL_MTU=4294967296: expected a number of bytes'],
  ['FLANNEL_NETWORK', 'FLANNEL_NETWORK has no "="'],
  ['FLANNEL_NETWORK=', 'FLANNEL_NETWORK=: invalid CIDR address: '],
  ['FLANNEL_NETWORK=10.1.0.0', 'FLANNEL_NETWORK=10.1.0.0: invalid CIDR address: 10.1.0.0'],
  ['FLANNEL_NETWORK=10.1.0.0/16,', 'FLANNEL_NETWORK=10.1.0.0/16,: invalid CIDR address: '],
  ['FLANNEL_NETWORK=10.1.0.0/16,x', 'FLANNEL_NETWORK=10.1.0.0/16,x: invalid CIDR address: x'],
  [
    'FLANNEL_SUBNET=10.1.17.1/33',
    'FLANNEL_SUBNET=10.1.17.1/33: invalid CIDR address: 10.1.17.1/33',
  ],
  [
    'FLANNEL_SUBNET=10.1.1.1/24,10.1.2.1/24',
    'FLANNEL_SUBNET=10.1.1.1/24,10.1.2.1/24: invalid CIDR address: 10.1.1.1/24,10.1.2.1/24',
  ],
  [
    'FLANNEL_IPV6_SUBNET=fc00::g/64',
    'FLANNEL_IPV6_SUBNET=fc00::g/64: invalid CIDR address: fc00::g/64',
  ],
] as const) {
  t.test(`names key, line and value of ${line}`, async (t) => {
    const error = thrownDetailed(() => parse(`${v4}${rest}${line}\nFOO=1\n`))
    t.equal(error.message, `${file}: line 5: ${problem}`)
    t.notOk(error instanceof IncompleteSubnetEnv)
    t.match(error.details, 'restart flanneld on this node')
  })
}

t.test('throws a DetailedError or nothing, whatever the text', async () => {
  const keys = ['NETWORK', 'SUBNET', 'IPV6_NETWORK', 'IPV6_SUBNET', 'MTU', 'IPMASQ', '']
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('1450', 'true', '10.1.0.0/16', 'fc00::1/64'),
    fc.tuple(fc.ipV4(), fc.ipV6(), fc.integer()).map(([a, b, n]) => `${a}/${n},${b}/${n}`),
  )
  const line = fc
    .tuple(fc.constantFrom(...keys), fc.constantFrom('=', '', '=='), value)
    .map(([key, sign, text]) => `FLANNEL_${key}${sign}${text}`)
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.constantFrom('\n', '\r\n'), (lines, end) => {
      try {
        const { networks, subnets, mtu } = parseSubnetEnv(lines.join(end), file)
        return networks.length > 0 && subnets.length > 0 && mtu >= 0
      } catch (error) {
        return error instanceof DetailedError && error.message.startsWith(`${file}`)
      }
    }),
    { numRuns: 1000 },
  )
})

t.test('writes the very bytes of upstream', async (t) => {
  for (const text of [
    'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
      'FLANNEL_IPV6_NETWORK=2001:cafe:42::/56\nFLANNEL_IPV6_SUBNET=2001:cafe:42::1/64\n' +
      'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n',
    `${v4}FLANNEL_MTU=1472\nFLANNEL_IPMASQ=false\n`,
    v6 + rest,
  ]) {
    t.equal(formatSubnetEnv(parseSubnetEnv(text, file)), text)
  }
})

t.test('writes each family by its own keys, in whatever order they come', async (t) => {
  const networks = [cidr('fc00::/48'), cidr('10.1.0.0/16')]
  const subnets = [cidr('fc00:0:0:5::/64'), cidr('10.1.255.252/30')]
  t.equal(
    formatSubnetEnv({ networks, subnets, mtu: 1450, ipMasq: false }),
    'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.255.253/30\n' +
      'FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:5::1/64\n' +
      'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n',
  )
})
