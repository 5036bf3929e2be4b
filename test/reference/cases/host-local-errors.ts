/** Configurations that host-local refuses. */
import type { Call, Case } from '../case.ts'
import { add, check, del, hostLocal, hostLocalIpam, v4, v6, withEnv, withKeys } from './builders.ts'

const steps = [add, check, del]
const twoSets = [[{ subnet: v4 }], [{ subnet: '10.1.3.0/24' }]]
const badSubnets = [
  ...['10.1.2.0', '10.1.2.0/33', '10.01.2.0/24', 'x', '', '10.1.2.0/24 ', 'fd00::%1/64', '/24'],
]
const badAddresses = ['10.1.2', '10.1.2.300', 'x', '10.1.2.0/24']
const wrongTypes = [
  ...[{ subnet: 1 }, { ranges: {} }, { ranges: [{}] }, { dataDir: 1 }, { routes: {} }],
  ...[{ resolvConf: [] }, { gateway: {} }, { ranges: [[{ subnet: true }]] }],
]
const badRoutes = [{ dst: 'x' }, { dst: '10.0.0.0' }, { dst: '10.0.0.0/8', gw: 'x' }]
const badArgs = [
  ...['IP', 'IP=x', 'IP=10.1.2.9;', 'a=b', 'IgnoreUnknown=yes', 'a=b;IgnoreUnknown=0'],
  ...['IP=a=b', ';', 'ip=10.1.2.9'],
]
const differs = ['configuration-mistake', 'lenient-del']

function refused(name: string, ipam: object): Case {
  return hostLocal(name, ipam, { steps, differs })
}

function withIpam(call: Call, keys: object): Call {
  return withKeys(call, { ipam: hostLocalIpam(keys) })
}

export const hostLocalErrorCases: readonly Case[] = [
  hostLocal('no ipam', {}, { keys: { ipam: undefined }, steps, differs: [...differs, 'guidance'] }),
  hostLocal('ipam is null', {}, { keys: { ipam: null }, steps, differs }),
  refused('no ranges', {}),
  refused('ranges are empty', { ranges: [] }),
  refused('an empty range set', { ranges: [[]] }),
  refused('an empty range', { ranges: [[{}]] }),
  refused('a prefix that is too long', { subnet: '10.1.2.0/31' }),
  refused('a prefix that is too long, IPv6', { subnet: 'fd00::/127' }),
  refused('a single address', { subnet: '10.1.2.3/32' }),
  refused('host bits', { subnet: '10.1.2.3/24' }),
  refused('host bits, odd prefix', { subnet: '10.1.2.8/27' }),
  refused('host bits, IPv6', { subnet: 'fd00::1/64' }),
  refused('a start outside of the subnet', { subnet: v4, rangeStart: '10.1.3.1' }),
  refused('a start of the other family', { subnet: v4, rangeStart: 'fd00::1' }),
  refused('an end outside of the subnet', { subnet: v4, rangeEnd: '10.1.1.255' }),
  refused('a start behind the end', { subnet: v4, rangeStart: '10.1.2.9', rangeEnd: '10.1.2.8' }),
  refused('families mixed in a set', { ranges: [[{ subnet: v4 }, { subnet: v6 }]] }),
  refused('overlapping ranges', { ranges: [[{ subnet: '10.1.0.0/22' }, { subnet: v4 }]] }),
  refused('overlapping sets', { ranges: [[{ subnet: v4 }], [{ subnet: '10.1.0.0/16' }]] }),
  refused('overlapping sets of two keys', { subnet: v4, ranges: [[{ subnet: v4 }]] }),
  refused('an IPv4 subnet written as IPv6', { subnet: '::ffff:10.1.2.0/120' }),
  hostLocal(
    'subnets that are none',
    {},
    {
      steps: badSubnets.map((subnet) => withIpam(add, { subnet })),
      differs: ['configuration-mistake', 'range-set-number'],
    },
  ),
  hostLocal(
    'starts, ends and gateways that are none',
    {},
    {
      steps: ['rangeStart', 'rangeEnd', 'gateway'].flatMap((key) =>
        badAddresses.map((text) => withIpam(add, { subnet: v4, [key]: text })),
      ),
      differs: ['configuration-mistake', 'range-set-number'],
    },
  ),
  hostLocal(
    'keys of the wrong type',
    {},
    {
      steps: wrongTypes.map((keys) => withIpam(add, { subnet: v4, ...keys })),
      differs: ['configuration-mistake', 'wrong-type'],
    },
  ),
  hostLocal(
    'routes that are none',
    {},
    {
      steps: badRoutes.map((route) => withIpam(add, { subnet: v4, routes: [route] })),
      differs: ['configuration-mistake'],
    },
  ),
  hostLocal('a route without a destination', { subnet: v4, routes: [{ gw: '10.1.2.1' }] }),
  ...['0.1.0', '0.2.0'].map((cniVersion) =>
    hostLocal(
      `two sets of a family with ${cniVersion}`,
      { ranges: twoSets },
      {
        keys: { cniVersion },
        steps: [add, withKeys(del, { prevResult: undefined })],
        differs,
      },
    ),
  ),
  ...[add, check, del].map((call) =>
    hostLocal(
      `CNI_ARGS that are none in ${call.command}`,
      { subnet: v4 },
      {
        steps: badArgs.map((args) => withEnv(call, { CNI_ARGS: args })),
        differs: call === del ? ['lenient-del'] : ['cni-args'],
      },
    ),
  ),
  hostLocal(
    'CNI_ARGS of the bridge plugin',
    { subnet: v4 },
    {
      steps: [withEnv(add, { CNI_ARGS: 'MAC=0a:58:0a:01:02:03' })],
      differs: ['shared-args'],
    },
  ),
  hostLocal(
    'CNI_ARGS without an address',
    { subnet: v4 },
    {
      steps: steps.map((call) => withEnv(call, { CNI_ARGS: 'IP=' })),
    },
  ),
  hostLocal(
    'a resolvConf that is missing',
    { subnet: v4, resolvConf: '$DIR/missing' },
    {
      steps,
      differs: ['configuration-mistake', 'no-folder'],
    },
  ),
  hostLocal(
    'a resolvConf that is a folder',
    { subnet: v4, resolvConf: '$DIR' },
    {
      steps,
      differs: ['configuration-mistake', 'no-folder'],
    },
  ),
  hostLocal(
    'a dataDir that is a file',
    { subnet: v4, dataDir: '$DIR/file' },
    {
      files: { file: '' },
      steps,
      differs: ['disk', 'data-dir', 'lenient-del'],
    },
  ),
]
