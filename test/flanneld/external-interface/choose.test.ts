import t from 'tap'
import { chooseExternalInterface } from '../../../flanneld/external-interface/choose.ts'
import type {
  ExternalInterface,
  InterfaceOptions,
} from '../../../flanneld/external-interface/external-interface.ts'
import type {
  Observation,
  ObservedAddress,
} from '../../../flanneld/external-interface/observation.ts'
import { type Family, formatIp } from '../../../lib/ip/ip.ts'
import { cidr, ip } from '../../support/address.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const none: InterfaceOptions = {
  iface: [],
  'iface-regex': [],
  'iface-can-reach': '',
  'public-ip': '',
  'public-ipv6': '',
}

/** An address with some of the traits dynamic, temporary, deprecated, duplicate: `fd00::1/64 dynamic`. */
function address(text: string): ObservedAddress {
  const [prefix = '', ...traits] = text.split(' ')
  return {
    cidr: cidr(prefix),
    permanent: !traits.includes('dynamic'),
    temporary: traits.includes('temporary'),
    deprecated: traits.includes('deprecated'),
    dadFailed: traits.includes('duplicate'),
  }
}

const link = (index: number, name: string, ...addresses: string[]) => ({
  index,
  name,
  mtu: name === 'broken0' ? 0 : 1400 + index,
  addresses: addresses.map(address),
})

const node: Observation = {
  links: [
    link(1, 'lo', '127.0.0.1/8', '::1/128'),
    link(2, 'eth0', '192.0.2.11/24', '192.0.2.12/24 temporary', 'fe80::11/64', '2001:db8::11/64'),
    link(3, 'eth1', '198.51.100.11/24', 'fe80::12/64', '2001:db8:1::11/64'),
    link(4, 'flannel.1', '10.244.1.0/32', '2001:db8:9::/128'),
    link(5, 'cni0', '10.244.1.1/24'),
    link(6, 'veth4711', 'fe80::13/64'),
    link(7, 'old0', '203.0.113.1/24'),
    link(8, 'broken0', '203.0.113.8/24'),
  ],
  defaultRoutes: [
    { family: 4, linkIndex: 3, metric: 200 },
    { family: 4, linkIndex: 2, metric: 100 },
    { family: 6, linkIndex: 2, metric: 1024 },
  ],
}

interface Case {
  readonly options?: Partial<InterfaceOptions>
  readonly families?: readonly Family[]
  readonly observed?: Partial<Observation>
}

function choose({ options = {}, families = [4], observed = {} }: Case) {
  const lines: string[] = []
  const log = { info: (line: string) => lines.push(line), warn: (line: string) => lines.push(line) }
  const all = { ...node, ...observed }
  const chosen = chooseExternalInterface(all, families, { ...none, ...options }, log)
  return { chosen, lines }
}

const show = ({ name, ipv4, ipv6, publicIpv4, publicIpv6 }: ExternalInterface) =>
  [name, ...[ipv4, ipv6, publicIpv4, publicIpv6].flatMap((ip) => ip && formatIp(ip))]
    .filter((text) => text !== undefined)
    .join(' ')

const both = [4, 6] as const
const eth1 = { linkIndex: 3, source: ip('198.51.100.11') }

for (const [what, wanted, given] of [
  ['the default route with the lowest metric', 'eth0 192.0.2.11 192.0.2.11', {}],
  ['that of IPv6', 'eth0 2001:db8::11 2001:db8::11', { families: [6] }],
  ['that of both', 'eth0 192.0.2.11 2001:db8::11 192.0.2.11 2001:db8::11', { families: both }],
  [
    'the interface with the public address',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { 'public-ip': '198.51.100.11' } },
  ],
  [
    'the one with the public IPv6 address',
    'eth1 2001:db8:1::11 2001:db8:1::11',
    { options: { 'public-ipv6': '2001:db8:1::11', 'public-ip': '192.0.2.1' }, families: [6] },
  ],
  ['a name', 'eth1 198.51.100.11 198.51.100.11', { options: { iface: ['eth1'] } }],
  [
    'a name, behind a NAT',
    'eth0 192.0.2.11 2001:db8::11 203.0.113.99 2001:db8:ffff::1',
    {
      options: { iface: ['eth0'], 'public-ip': '203.0.113.99', 'public-ipv6': '2001:db8:ffff::1' },
      families: both,
    },
  ],
  ['an address', 'eth0 192.0.2.12 192.0.2.12', { options: { iface: ['192.0.2.12'] } }],
  [
    'an address, of both families',
    'eth1 198.51.100.11 2001:db8:1::11 198.51.100.11 2001:db8:1::11',
    { options: { iface: ['198.51.100.11'] }, families: both },
  ],
  [
    'an IPv6 address, of both families',
    'eth1 198.51.100.11 2001:db8:1::11 198.51.100.11 2001:db8:1::11',
    { options: { iface: ['2001:db8:1::11'] }, families: both },
  ],
  [
    'the first name that there is',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { iface: ['wlan0', 'eth1', 'eth0'], 'iface-regex': ['eth0'] } },
  ],
  [
    'an address that matches before a name that does',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { 'iface-regex': ['wlan', '^198\\.|^eth0$'] } },
  ],
  [
    'a matching address that is not the first of its interface',
    'eth0 192.0.2.12 192.0.2.12',
    { options: { 'iface-regex': ['12$'] } },
  ],
  [
    'a name that matches',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { 'iface-regex': ['h1'] } },
  ],
  [
    'flags of Go',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { 'iface-regex': ['(?i)^ETH1'] } },
  ],
  [
    'escapes of Go',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { 'iface-regex': ['^eth\\-|^\\_|^198\\.51[\\.\\-]'] } },
  ],
  [
    'an address of each family that matches',
    'eth1 198.51.100.11 2001:db8:1::11 198.51.100.11 2001:db8:1::11',
    { options: { 'iface-regex': ['^198|db8:1:'] }, families: both },
  ],
  ['anything but lo', 'eth0 192.0.2.11 192.0.2.11', { options: { 'iface-regex': ['.*'] } }],
  ['one of our own by name', 'cni0 10.244.1.1 10.244.1.1', { options: { iface: ['cni0'] } }],
  [
    'the way to an address',
    'eth1 198.51.100.11 198.51.100.11',
    { options: { 'iface-can-reach': '198.51.100.1' }, observed: { reach: eth1 } },
  ],
  [
    'the way to an address of this node',
    'eth1 198.51.100.11 198.51.100.11',
    {
      options: { 'iface-can-reach': '198.51.100.11' },
      observed: { reach: { ...eth1, linkIndex: 1 } },
    },
  ],
  [
    'names before the way to an address',
    'eth0 192.0.2.11 192.0.2.11',
    {
      options: { iface: ['eth0'], 'iface-can-reach': '198.51.100.1' },
      observed: { reach: eth1 },
    },
  ],
] as const satisfies readonly (readonly [string, string, Case])[]) {
  t.test(`chooses ${what}`, async (t) => t.equal(show(choose(given).chosen), wanted))
}

t.test('what is said of the interface', async (t) => {
  t.match(choose({}).chosen, { linkIndex: 2, name: 'eth0', mtu: 1402 })
  t.strictSame(choose({ options: { iface: ['wlan0', 'eth0'] } }).lines, [
    'no interface by --iface=wlan0: there is no such interface',
    'Using interface with name eth0 and address 192.0.2.11',
    'Defaulting external address to interface address (192.0.2.11)',
  ])
  t.strictSame(choose({ options: { iface: ['eth0'], 'public-ip': '203.0.113.9' } }).lines, [
    'Using interface with name eth0 and address 192.0.2.11',
    'Using 203.0.113.9 as external address',
  ])
})

t.test('the best of several addresses', async (t) => {
  const first = (...addresses: string[]) => {
    const links = [link(2, 'eth0', ...addresses)]
    const { chosen } = choose({ families: [6], options: { iface: ['eth0'] }, observed: { links } })
    return chosen.ipv6 && formatIp(chosen.ipv6)
  }
  t.equal(first('fe80::1/64', 'fd00::1/64 dynamic temporary'), 'fd00::1', 'global')
  t.equal(first('fd00::1/64 dynamic', 'fd00::2/64 temporary'), 'fd00::2', 'permanent')
  t.equal(first('fd00::1/64 dynamic temporary', 'fd00::2/64 dynamic'), 'fd00::2', 'lasting')
  t.equal(first('fd00::1/64 deprecated', 'fe80::1/64'), 'fe80::1', 'not deprecated')
  t.equal(first('fd00::1/64 duplicate', 'fd00::2/64'), 'fd00::2', 'no duplicate')
  t.equal(first('fd00::1/64', 'fd00::2/64'), 'fd00::1', 'in the order of the kernel')
})

const kernelRoutes = 'the default route: there is no default route of IPv4'
for (const [what, problem, given] of [
  ['no default route', kernelRoutes, { observed: { defaultRoutes: [] } }],
  [
    'default routes of the families over different interfaces',
    'the default route: that of IPv4 leads over eth1, that of IPv6 over eth0',
    {
      families: both,
      observed: {
        defaultRoutes: [
          { family: 4, linkIndex: 3, metric: 0 },
          { family: 6, linkIndex: 2, metric: 0 },
        ],
      },
    },
  ],
  ['no such name', '--iface=eth9: there is no such interface', { options: { iface: ['eth9'] } }],
  [
    'a public address that is nowhere',
    '--public-ip=203.0.113.9: no interface has this address',
    { options: { 'public-ip': '203.0.113.9' } },
  ],
  [
    'an address of another family',
    '--iface=2001:db8::11: the network has no IPv6',
    { options: { iface: ['2001:db8::11'] } },
  ],
  [
    'a name without an address of the family',
    '--iface=old0: old0 has no IPv6 address for others',
    { options: { iface: ['old0'] }, families: [6] },
  ],
  [
    'public addresses of different interfaces',
    '--public-ip=192.0.2.11: eth0 has it, but not 2001:db8:1::11 of --public-ipv6',
    {
      options: { 'public-ip': '192.0.2.11', 'public-ipv6': '2001:db8:1::11' },
      families: both,
    },
  ],
  [
    'nothing that matches',
    '--iface-regex=^10\\.: no address and no name matches',
    { options: { 'iface-regex': ['^10\\.'] } },
  ],
  [
    'a name that matches without an address of each family',
    '--iface-regex=old: no address matches, and of old0 none has IPv4 and IPv6',
    { options: { 'iface-regex': ['old'] }, families: both },
  ],
  [
    'no way to an address',
    '--iface-can-reach=198.51.100.1: no route leads there',
    { options: { 'iface-can-reach': '198.51.100.1' } },
  ],
  ['no MTU', '--iface=broken0: broken0 has an MTU of 0', { options: { iface: ['broken0'] } }],
] as const satisfies readonly (readonly [string, string, Case])[]) {
  t.test(`refuses ${what}`, async (t) => {
    const { message, details } = thrownDetailed(() => choose(given))
    t.equal(message, `no interface to reach other nodes was found: ${problem}`)
    t.match(
      details,
      /^interfaces with addresses: eth0 \(\S+.*, eth1 \(.*name one with --iface=NAME$/,
    )
    t.notMatch(details, 'veth4711', 'the ends of pods are left out')
  })
}

t.test('names everything that was tried', async (t) => {
  const given = { options: { iface: ['a', 'b'], 'iface-regex': ['c'] } }
  const { message } = thrownDetailed(() => choose(given))
  t.match(message, /--iface=a: .*; --iface=b: .*; --iface-regex=c: /)
})

for (const [options, message] of [
  [{ 'iface-regex': ['eth('] }, '--iface-regex=eth( is no regular expression'],
  [{ 'iface-regex': ['^[[:alpha:]]'] }, '--iface-regex=^[[:alpha:]] is no regular expression'],
  [{ 'iface-regex': ['eth\\z'] }, '--iface-regex=eth\\z is no regular expression'],
  [{ iface: ['eth0'], 'iface-regex': ['['] }, '--iface-regex=[ is no regular expression'],
  [{ 'public-ip': 'node1' }, '--public-ip=node1 is no IPv4 address'],
  [{ 'public-ip': '2001:db8::1' }, '--public-ip=2001:db8::1 is no IPv4 address'],
  [{ 'iface-can-reach': '::1' }, '--iface-can-reach=::1 is no IPv4 address'],
] as const) {
  t.test(message, async (t) => t.equal(thrownDetailed(() => choose({ options })).message, message))
}
