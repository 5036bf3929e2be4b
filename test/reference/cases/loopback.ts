/** The loopback plugin. */
import type { Case } from '../case.ts'
import { add, check, del, deletePod, inPod, loopback, withEnv, withKeys } from './builders.ts'

const interfaces = [{ name: 'eth0', mac: '0a:58:0a:01:02:03', sandbox: '$POD' }]
const ips = [{ address: '10.1.2.3/24', gateway: '10.1.2.1', interface: 0 }]
const routes = [{ dst: '0.0.0.0/0', gw: '10.1.2.1' }]
const dns = { nameservers: ['10.96.0.10'] }

const prevResults: readonly (readonly [version: string, prevResult: object])[] = [
  ['1.0.0', { cniVersion: '1.0.0', interfaces, ips, routes, dns }],
  ['1.0.0', { interfaces, ips }],
  [
    '0.4.0',
    { cniVersion: '0.3.1', interfaces, ips: ips.map((ip) => ({ ...ip, version: '4' })), dns },
  ],
  ['0.2.0', { cniVersion: '0.1.0', ip4: { ip: '10.1.2.3/24', gateway: '10.1.2.1', routes } }],
]
const otherVersions = [{ cniVersion: '0.2.0' }, { cniVersion: '5678.456' }]
const noResults = [[], 'text']

export const loopbackCases: readonly Case[] = [
  loopback('up and down', {}, { steps: [add, check, del, check, del] }),
  loopback('ADD twice', {}, { steps: [add, add, del] }),
  loopback('lo is up already', {}, { steps: [inPod('ip link set lo up'), add, del] }),
  loopback(
    'any interface name',
    {},
    {
      steps: [add, check, del].map((call) => withEnv(call, { CNI_IFNAME: 'eth7' })),
    },
  ),
  loopback(
    'CNI_ARGS',
    {},
    { steps: [add, del].map((call) => withEnv(call, { CNI_ARGS: 'none' })) },
  ),
  loopback(
    'more addresses of the loopback networks',
    {},
    {
      steps: [inPod('ip address add 127.5.6.7/32 dev lo'), add, check, del],
    },
  ),
  loopback(
    'an address that is no loopback address',
    {},
    {
      steps: [inPod('ip link set lo up'), inPod('ip address add 10.9.9.9/32 dev lo'), add, check],
    },
  ),
  loopback(
    'no IPv6',
    {},
    {
      steps: [inPod('sh -c "echo 1 > /proc/sys/net/ipv6/conf/lo/disable_ipv6"'), add, check, del],
    },
  ),
  ...prevResults.map(([cniVersion, prevResult], index) =>
    loopback(`prevResult ${index + 1}`, { cniVersion, prevResult }, { steps: [add, del] }),
  ),
  loopback(
    'a prevResult without a version',
    { prevResult: { cniVersion: '', ips } },
    {
      steps: [add],
      differs: ['unversioned-prev-result'],
    },
  ),
  loopback(
    'a prevResult of another version',
    {},
    {
      steps: otherVersions.map((prevResult) => withKeys(add, { prevResult })),
      differs: ['configuration-mistake', 'version-1.1/shape'],
    },
  ),
  loopback(
    'a prevResult that is none',
    {},
    {
      steps: noResults.map((prevResult) => withKeys(add, { prevResult })),
      differs: ['configuration-mistake', 'wrong-type'],
    },
  ),
  loopback(
    'a prevResult that has no address',
    { prevResult: { ips: [{ address: 'x' }] } },
    {
      steps: [add, { command: 'DEL' }],
      differs: ['configuration-mistake'],
    },
  ),
  loopback(
    'CHECK with a prevResult of another version',
    {},
    {
      steps: otherVersions.map((prevResult) => withKeys(check, { prevResult })),
      differs: ['configuration-mistake', 'checked-prev-result'],
    },
  ),
  loopback(
    'a sandbox that is gone',
    {},
    {
      steps: [add, check, del].map((call) => withEnv(call, { CNI_NETNS: '/run/netns/gone' })),
    },
  ),
  loopback(
    'a sandbox that is no namespace',
    {},
    {
      files: { file: '' },
      steps: [add, check, del].map((call) => withEnv(call, { CNI_NETNS: '$DIR/file' })),
      differs: ['gone-sandbox'],
    },
  ),
  loopback(
    'a sandbox that goes',
    {},
    {
      steps: [add, deletePod, check, del],
    },
  ),
  loopback('DEL without a sandbox', {}, { steps: [add, withEnv(del, { CNI_NETNS: '' })] }),
  loopback(
    'keys that nobody knows',
    { unknown: 1, ipam: { type: 'nobody' } },
    { steps: [add, withKeys(check, {}), del] },
  ),
]
