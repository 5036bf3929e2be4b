/** Calls of the bridge plugin that are repeated, out of order, or meet what others have changed. */
import type { Case } from '../case.ts'
import {
  add,
  bridge,
  check,
  del,
  deletePod,
  eth1,
  inPod,
  layer2,
  pinnedBridge,
  pod2,
  shell,
  subnets,
  v4,
  v6,
  withEnv,
  withKeys,
} from './builders.ts'

const conf = { isDefaultGateway: true, ipam: subnets(v4, v6) }
const withoutPrevResult = { prevResult: undefined }
const elsewhere = { ipam: subnets('10.7.7.0/24') }
const otherAddress = `${pinnedBridge}
ip address add 10.9.9.1/24 dev cni0; ip link set cni0 up`

export const bridgeLifeCases: readonly Case[] = [
  bridge('ADD twice', conf, { steps: [add, add, check, del], differs: ['taken-name'] }),
  bridge('DEL twice', conf, { steps: [add, del, del] }),
  bridge('DEL before ADD', conf, { steps: [del, add, del], differs: ['no-folder'] }),
  bridge('ADD, DEL and ADD', conf, { steps: [add, del, add, check] }),
  bridge('CHECK before ADD', conf, { steps: [check], differs: ['no-folder'] }),
  bridge('CHECK after DEL', conf, { steps: [add, del, check] }),
  bridge('CHECK without prevResult', conf, {
    steps: [add, withKeys(check, withoutPrevResult), withKeys(check, { prevResult: null })],
    differs: ['configuration-mistake'],
  }),
  bridge('DEL without prevResult', conf, { steps: [add, withKeys(del, withoutPrevResult)] }),
  bridge('DEL without a sandbox', conf, {
    steps: [add, withEnv(del, { CNI_NETNS: undefined })],
    differs: ['orphan', 'orphan/carrier'],
  }),
  bridge('DEL when the sandbox is gone', conf, { steps: [add, deletePod, del, del] }),
  bridge('CHECK when the sandbox is gone', conf, { steps: [add, deletePod, check] }),
  bridge('DEL when the interface is gone', conf, {
    steps: [add, inPod('ip link delete eth0'), del],
  }),
  bridge('DEL when the bridge is gone', conf, { steps: [add, shell('ip link delete cni0'), del] }),
  bridge('the sandbox is no namespace', conf, {
    files: { file: '' },
    steps: [add, check, del].map((call) => withEnv(call, { CNI_NETNS: '$DIR/file' })),
    differs: ['rollback', 'gone-sandbox'],
  }),
  bridge('the sandbox is missing', conf, {
    steps: [add, check, del].map((call) => withEnv(call, { CNI_NETNS: '/run/netns/gone' })),
    differs: ['rollback', 'no-folder'],
  }),
  bridge('the interface name is taken', conf, {
    setUp: `${pinnedBridge}; ip -n "\${POD##*/}" link add eth0 type bridge`,
    steps: [add, del],
    differs: ['taken-name', 'no-folder'],
  }),
  bridge('the bridge name is taken', conf, {
    setUp: 'ip link add cni0 type veth peer other',
    steps: [add, del],
    differs: ['no-folder'],
  }),
  bridge('another address on the bridge', conf, {
    setUp: otherAddress,
    steps: [add],
    differs: ['rollback', 'first-carrier', 'found-bridge'],
  }),
  bridge(
    'an IPv6 address of another network on the bridge',
    { ...conf, ipam: subnets(v6) },
    {
      setUp: `${pinnedBridge}; ip address add fd77::1/64 dev cni0; ip link set cni0 up`,
    },
  ),
  bridge(
    'an overlapping IPv6 address on the bridge',
    { ...conf, ipam: subnets(v6) },
    {
      setUp: `${pinnedBridge}; ip address add fd00::1/48 dev cni0; ip link set cni0 up`,
      steps: [add],
      differs: ['rollback', 'first-carrier', 'found-bridge'],
    },
  ),
  bridge('the subnet changes when no pod runs any more', conf, {
    steps: [add, del, withKeys(add, elsewhere)],
    differs: ['unused-address'],
  }),
  bridge('the subnet changes while a pod runs', conf, {
    steps: [add, pod2(withKeys(add, elsewhere)), del],
    differs: ['rollback', 'rollback/carrier'],
  }),
  bridge(
    'the subnet changes by force while a pod runs',
    { ...conf, forceAddress: true },
    {
      steps: [add, pod2(withKeys(add, elsewhere)), del],
    },
  ),
  bridge('layer 2 and layer 3 on one bridge', conf, {
    setUp: pinnedBridge,
    steps: [withKeys(add, { ipam: {} }), pod2(add), withKeys(del, { ipam: {} }), pod2(del)],
  }),
  layer2('ipam with an empty type', { ipam: { type: '' } }),
  ...['nowhere', '../host-local'].map((type) =>
    bridge(
      `the IPAM plugin ${type}`,
      { ...conf, ipam: { type } },
      {
        steps: [add, check, del],
        differs: ['rollback'],
      },
    ),
  ),
  bridge(
    'the IPAM plugin refuses',
    { ...conf, ipam: subnets('10.1.2.3/24') },
    {
      steps: [add, check, del],
      differs: ['rollback', 'configuration-mistake', 'lenient-del'],
    },
  ),
  ...['/nowhere::$BIN', '$BIN/:/nowhere'].map((path) =>
    bridge(`CNI_PATH ${path}`, conf, {
      steps: [add, check, del].map((call) => withEnv(call, { CNI_PATH: path })),
    }),
  ),
  bridge('CNI_PATH without the IPAM plugin', conf, {
    steps: [add, check, del].map((call) => withEnv(call, { CNI_PATH: '/nowhere:/nor/here' })),
    differs: ['rollback'],
  }),
  bridge('CHECK of one interface of two', conf, { steps: [add, eth1(add), check, eth1(check)] }),
]
