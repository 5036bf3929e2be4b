/** What flannel makes of subnet.env and of its configuration. */
import type { Case } from '../case.ts'
import { answering, flannel, raw, subnetEnv } from './flannel-builders.ts'

/** Texts of subnet.env by what is about them. */
const envs: Readonly<Record<string, string>> = {
  'as flanneld writes it': subnetEnv(),
  'without a newline at the end': subnetEnv().trimEnd(),
  'with carriage returns': subnetEnv().replaceAll('\n', '\r\n'),
  'with other lines': `# leased\n\n${subnetEnv({ FLANNEL_OTHER: 'x' })}\nx\n`,
  'in another order': subnetEnv().split('\n').reverse().join('\n'),
  'with a key twice': subnetEnv() + subnetEnv({ FLANNEL_MTU: '1400' }),
  'with a byte order mark': `\ufeff${subnetEnv()}`,
  'with exports': subnetEnv().replaceAll('FLANNEL', 'export FLANNEL'),
  'in lower case': subnetEnv().toLowerCase(),
  'with quotes': subnetEnv({ FLANNEL_MTU: '"1450"' }),
  'with blanks before keys': subnetEnv().replaceAll('FLANNEL', ' FLANNEL'),
  'with blanks around =': subnetEnv().replaceAll('=', ' = '),
  'with a line of 100 kB': `${subnetEnv()}#${'x'.repeat(100_000)}\n`,
  'with NUL': `${subnetEnv()}\0`,
  'that is empty': '',
  'with one line': 'FLANNEL_MTU=1450\n',
  'with a key alone': 'FLANNEL_MTU\n',
}

const networks: Readonly<Record<string, string>> = {
  'several networks': '10.244.0.0/16,192.168.0.0/17',
  'networks twice': '10.244.0.0/16,10.0.0.0/8,10.244.0.0/16',
  'a network with host bits': '10.244.7.9/16',
  'no network': '',
  'a comma at the end': '10.244.0.0/16,',
  'a blank behind a comma': '10.244.0.0/16, 10.0.0.0/8',
  'an address for a network': '10.244.0.0',
  'a prefix that is too long': '10.244.0.0/33',
  'leading zeros': '010.244.0.0/16',
  'the default route': '0.0.0.0/0',
  'a network of text': 'x',
}

const subnets: Readonly<Record<string, string>> = {
  'a subnet of one address': '10.244.1.1/32',
  'several subnets': '10.244.1.1/24,10.244.2.1/24',
  'no subnet': '',
  'an address for a subnet': '10.244.1.1',
}

const mtus = ['0', '65536', '4294967295', '4294967296', '-1', '+1450', '01450', '1_450', '0x5dc']
const oddMtus = ['', ' 1450', '1450 ', '1450.0', '1e3', 'x', '٣']
const masks = ['false', 'TRUE', '1', '', 'yes', 'true ', ' true', '"true"', 'true\t']

const v6 = {
  FLANNEL_IPV6_NETWORK: 'fd00:244::/48',
  FLANNEL_IPV6_SUBNET: 'fd00:244:0:1::1/64',
}
const no4 = { FLANNEL_NETWORK: undefined, FLANNEL_SUBNET: undefined }

const families: Readonly<Record<string, Readonly<Record<string, string | undefined>>>> = {
  'both families': v6,
  'IPv6 alone': { ...v6, ...no4 },
  'networks of both, a subnet of one': { ...v6, FLANNEL_SUBNET: undefined },
  'a network of one, a subnet of the other': {
    ...no4,
    FLANNEL_NETWORK: '10.244.0.0/16',
    FLANNEL_IPV6_SUBNET: 'fd00:244:0:1::1/64',
  },
  'several IPv6 networks': { ...v6, FLANNEL_IPV6_NETWORK: 'FD00:0244::/48,fd00:245::/48' },
  'an IPv6 network with host bits': { ...v6, FLANNEL_IPV6_NETWORK: 'fd00:244::7/48' },
  'a malformed IPv6 network': { ...v6, FLANNEL_IPV6_NETWORK: 'fd00:244::/129' },
  'a zone': { ...v6, FLANNEL_IPV6_SUBNET: 'fe80::1%eth0/64' },
  'IPv6 in the network of IPv4': { FLANNEL_NETWORK: 'fd00:244::/48' },
  'IPv6 in the subnet of IPv4': { FLANNEL_SUBNET: 'fd00:244:0:1::1/64' },
  'IPv4 in the network of IPv6': { ...v6, FLANNEL_IPV6_NETWORK: '10.245.0.0/16' },
  'IPv4 in the subnet of IPv6': { ...v6, FLANNEL_IPV6_SUBNET: '10.245.1.1/24' },
  'IPv4 written as IPv6': { FLANNEL_SUBNET: '::ffff:10.244.1.1/120' },
}

const delegates: Readonly<Record<string, object | null>> = {
  'no key': {},
  null: null,
  'the usual keys': { hairpinMode: true, isDefaultGateway: true },
  'its type': { type: 'bridge' },
  'another type': { type: 'ipvlan', master: 'eth1' },
  'an empty type': { type: '' },
  'a path for a type': { type: 'a/b' },
  'a type that is not there': { type: 'nowhere' },
  'flannel for a type': { type: 'flannel' },
  'a number for a type': { type: 5 },
  'null for a type': { type: null },
  'a name': { name: 'x' },
  'an ipam': { ipam: { type: 'x' } },
  'keys that flannel generates': { isGateway: false, ipMasq: true, mtu: 9000 },
  'those of another type': { type: 'ipvlan', isGateway: true, mtu: '9000', ipMasq: null },
  'keys in other cases': { Type: 'x', MTU: 1, IsGateway: false, NAME: 'x' },
  'a version': { cniVersion: '0.4.0' },
  'a runtimeConfig': { runtimeConfig: { mac: 'x' } },
  'nested values': { a: { c: [1, { z: null, b: 'x' }], b: {} }, list: [], yes: true },
  'keys out of order': { z: 1, a: 2, Z: 3, '10': 4, '9': 5, ä: 6, _: 7, '': 8 },
  'texts to be escaped': { text: '<a href="x">&amp;\u2028\u2029\u0001\b\f\n\r\t\\/\u007f€😀' },
  numbers: { numbers: [1, 1.5, -1, 1e3, 1e20, 1e21, 1e-6, 1e-7, 123456789, 0.1] },
}

const ipams: Readonly<Record<string, object | null>> = {
  'no key': {},
  null: null,
  'another type': { type: 'dhcp', daemonSocketPath: '/run/x' },
  'a number for a type': { type: 5 },
  'a subnet': { subnet: '10.9.0.0/24', dataDir: '/x' },
  ranges: { ranges: [[{ subnet: '10.9.0.0/24' }]] },
  routes: { routes: [{ dst: '10.96.0.0/12' }, { dst: '0.0.0.0/0', gw: '10.244.1.1' }] },
  'no routes': { routes: [] },
  'routes that are null': { routes: null },
  'routes of IPv6': { routes: [{ dst: 'FD00::1/64', gw: 'fd00:0::1' }] },
  'a route with everything': {
    routes: [
      {
        ...{ dst: '10.9.0.0/16', gw: '10.244.1.9', mtu: 1400, advmss: 1300, priority: 5 },
        ...{ table: 100, scope: 253, other: 'x' },
      },
    ],
  },
  'a route with zeros': { routes: [{ dst: '10.9.0.0/16', mtu: 0, table: 0, scope: 0, gw: null }] },
  'a route with host bits': { routes: [{ dst: '10.9.1.7/16' }] },
  'a route that leads nowhere': { routes: [{ gw: '10.244.1.1' }] },
  'a route to an address': { routes: [{ dst: '10.9.0.0' }] },
  'a route by a word': { routes: [{ dst: '10.9.0.0/16', gw: 'x' }] },
  'a route by an empty text': { routes: [{ dst: '10.9.0.0/16', gw: '' }] },
  'a route that is null': { routes: [null] },
  'a route that is a text': { routes: ['10.9.0.0/16'] },
  'a text for routes': { routes: '10.9.0.0/16' },
  'routes in other cases': { routes: [{ DST: '10.9.0.0/16', Gw: '10.244.1.1' }], Routes: 5 },
}

const confs: Readonly<Record<string, object>> = {
  'every key null': { delegate: null, ipam: null, runtimeConfig: null },
  'keys in other cases': { DELEGATE: { mtu: 1 }, Ipam: { type: 'x' }, RuntimeConfig: { a: 1 } },
  'keys that flannel does not know': { other: 1, args: { cni: {} }, dns: {}, capabilities: {} },
  'a runtimeConfig': { runtimeConfig: { portMappings: [{ hostPort: 80 }], mac: 'x' } },
  'an empty runtimeConfig': { runtimeConfig: {} },
  'a runtimeConfig in both': { runtimeConfig: { b: 1 }, delegate: { runtimeConfig: { a: 1 } } },
  'a prevResult': { prevResult: { cniVersion: '1.0.0', ips: [{ address: '10.9.0.2/24' }] } },
  'a text for a delegate': { delegate: 'bridge' },
  'a list for a delegate': { delegate: [] },
  'a text for an ipam': { ipam: 'host-local' },
  'a text for a runtimeConfig': { runtimeConfig: 'x' },
  'a number for subnetFile': { subnetFile: 5 },
  'a number for dataDir': { dataDir: 5 },
  'a subnetFile that is not there': { subnetFile: '$DIR/nowhere' },
  'a subnetFile that is a folder': { subnetFile: '$DIR' },
  'a dataDir that is a file': { dataDir: '$DIR/subnet.env' },
  'a dataDir in folders to be made': { dataDir: '$DIR/flannel/' },
  'a name with dots': { name: 'a.b_c-d' },
}

const versions = [undefined, '', '0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']

function all<T>(
  title: string,
  values: Readonly<Record<string, T>>,
  toCase: (name: string, value: T) => Case,
): Case[] {
  return Object.entries(values).map(([name, value]) => toCase(`${title}: ${name}`, value))
}

const quoted = (texts: readonly string[]) =>
  Object.fromEntries(texts.map((text) => [JSON.stringify(text), text]))

const ipvlan = { ipvlan: answering('1.0.0') }

export const flannelConfCases: readonly Case[] = [
  ...all('subnet.env', envs, (name, env) => flannel(name, {}, { env })),
  flannel('no subnet.env', {}, { env: undefined }),
  ...all('FLANNEL_NETWORK', networks, (name, FLANNEL_NETWORK) =>
    flannel(name, {}, { env: subnetEnv({ FLANNEL_NETWORK }) }),
  ),
  ...all('FLANNEL_SUBNET', subnets, (name, FLANNEL_SUBNET) =>
    flannel(name, {}, { env: subnetEnv({ FLANNEL_SUBNET }) }),
  ),
  ...all('FLANNEL_MTU', quoted([...mtus, ...oddMtus]), (name, FLANNEL_MTU) =>
    flannel(name, {}, { env: subnetEnv({ FLANNEL_MTU }) }),
  ),
  ...all('FLANNEL_IPMASQ', quoted(masks), (name, FLANNEL_IPMASQ) =>
    flannel(name, {}, { env: subnetEnv({ FLANNEL_IPMASQ }) }),
  ),
  ...all('families', families, (name, keys) => flannel(name, {}, { env: subnetEnv(keys) })),
  ...all('delegate', delegates, (name, delegate) =>
    flannel(name, { delegate }, { delegates: ipvlan }),
  ),
  flannel(
    'delegate: a version, and the network has none',
    { cniVersion: undefined, delegate: { cniVersion: '0.4.0' } },
    { delegates: { bridge: answering('0.4.0') } },
  ),
  ...all('ipam', ipams, (name, ipam) => flannel(name, { ipam })),
  ...all('configuration', confs, (name, conf) => flannel(name, conf)),
  ...versions.map((cniVersion) =>
    flannel(
      `cniVersion ${JSON.stringify(cniVersion)}`,
      { cniVersion },
      { delegates: { bridge: answering(cniVersion || '0.1.0') } },
    ),
  ),
  raw('JSON: a key twice in delegate', '"delegate":{"a":1,"mtu":2,"a":{"b":3},"mtu":4}'),
  raw('JSON: delegate twice', '"delegate":{"a":1,"c":{"x":1}},"delegate":{"b":2,"c":{"y":2}}'),
  raw('JSON: ipam twice', '"ipam":{"type":"x","a":1},"ipam":{"b":2}'),
  raw('JSON: keys of one object in two cases', '"delegate":{"a":1},"Delegate":{"b":2}'),
  raw('JSON: minus zero', '"delegate":{"a":-0,"b":-0.0,"c":0}'),
  raw('JSON: a lone surrogate', '"delegate":{"a":"x\\ud800y","b":"\\udc00"}'),
  raw('JSON: a large integer', '"delegate":{"a":12345678901234567890,"b":9007199254740993}'),
  raw('JSON: a number beyond all', '"delegate":{"a":1e400}'),
  raw('JSON: numbers in other forms', '"delegate":{"a":1.0,"b":1E2,"c":100e-2,"d":0.00}'),
  raw('JSON: escapes', '"delegate":{"a":"\\u0041\\/\\u00e9","\\u0062":"\\ud83d\\ude00"}'),
  raw('JSON: __proto__', '"delegate":{"__proto__":{"a":1},"b":2}'),
]
