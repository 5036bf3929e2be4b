/** Every key of the bridge plugin. */
import type { Case } from '../case.ts'
import {
  add,
  bridge,
  check,
  del,
  layer2,
  pod2,
  shell,
  subnets,
  v4,
  withEnv,
  withKeys,
} from './builders.ts'

const ipam = subnets(v4)
const gateway = { isGateway: true, ipam }
const mac = '0a:58:0a:01:02:03'

export const bridgeKeyCases: readonly Case[] = [
  layer2('no key', {}),
  bridge('bridge', { bridge: 'br-test.1', ...gateway }),
  bridge('isGateway', { ...gateway }),
  bridge('isDefaultGateway', { isDefaultGateway: true, ipam }),
  bridge('no gateway', { ipam }, { differs: ['moving-mac'] }),
  layer2('isGateway without ipam', { isGateway: true }),
  bridge('isDefaultGateway and isGateway false', {
    isGateway: false,
    isDefaultGateway: true,
    ipam,
  }),
  bridge('mtu', { mtu: 1400, ...gateway }),
  layer2('mtu of a layer-2 network', { mtu: 9000 }),
  bridge('mtu 0', { mtu: 0, ...gateway }),
  bridge(
    'mtu of a bridge that is there',
    { mtu: 1400, ...gateway },
    { setUp: `ip link add cni0 address ${mac} type bridge` },
  ),
  bridge('hairpinMode', { hairpinMode: true, ...gateway }),
  bridge('promiscMode', { promiscMode: true, ...gateway }),
  layer2('promiscMode of a layer-2 network', { promiscMode: true }),
  bridge('vlan 0', { vlan: 0, ...gateway }),
  bridge('enabledad', { enabledad: true, ...gateway }),
  bridge('dns', {
    ...gateway,
    dns: {
      nameservers: ['10.96.0.10'],
      domain: 'a.example',
      search: ['b.example'],
      options: ['ndots:5'],
    },
  }),
  bridge(
    'dns in place of the IPAM plugin’s',
    {
      isGateway: true,
      ipam: { ...ipam, resolvConf: '$DIR/resolv.conf' },
      dns: { search: ['b.example'] },
    },
    { files: { 'resolv.conf': 'nameserver 10.96.0.10\n' } },
  ),
  bridge(
    'dns that is empty',
    { isGateway: true, ipam: { ...ipam, resolvConf: '$DIR/resolv.conf' }, dns: { search: [] } },
    {
      files: { 'resolv.conf': 'nameserver 10.96.0.10\n' },
      differs: ['empty-dns'],
    },
  ),
  bridge('mac of runtimeConfig', { ...gateway, runtimeConfig: { mac } }),
  bridge('mac of args', { ...gateway, args: { cni: { mac } } }),
  bridge('mac of CNI_ARGS', gateway, {
    steps: [add, check, del].map((call) =>
      withEnv(call, { CNI_ARGS: `IgnoreUnknown=1;MAC=${mac}` }),
    ),
  }),
  bridge('mac in upper case', { ...gateway, runtimeConfig: { mac: mac.toUpperCase() } }),
  bridge(
    'which mac counts',
    { ...gateway, runtimeConfig: { mac }, args: { cni: { mac: '0a:58:0a:01:02:04' } } },
    {
      steps: [add, check, del].map((call) =>
        withEnv(call, { CNI_ARGS: 'IgnoreUnknown=1;MAC=0a:58:0a:01:02:05' }),
      ),
    },
  ),
  bridge(
    'which of two macs counts',
    { ...gateway, args: { cni: { mac } } },
    {
      steps: [add, check, del].map((call) =>
        withEnv(call, { CNI_ARGS: 'IgnoreUnknown=1;MAC=0a:58:0a:01:02:05' }),
      ),
    },
  ),
  bridge('keys in any case', { BRIDGE: 'br0', isgateway: true, MTU: 1400, ipam }),
  bridge('keys that are null', {
    bridge: null,
    mtu: null,
    ipMasq: null,
    vlan: null,
    dns: null,
    args: null,
    runtimeConfig: null,
    ...gateway,
  }),
  bridge('keys that nobody knows', {
    unknown: { a: [1] },
    capabilities: { mac: true },
    ...gateway,
  }),
  bridge(
    'another interface name',
    { ...gateway },
    {
      steps: [add, check, del].map((call) => withEnv(call, { CNI_IFNAME: 'net1.100' })),
    },
  ),
  bridge(
    'forceAddress',
    { isGateway: true, forceAddress: true, ipam },
    {
      setUp:
        'ip link add cni0 type bridge; ip address add 10.9.9.1/24 dev cni0; ip link set cni0 up',
    },
  ),
  bridge(
    'two networks on one bridge',
    { ...gateway },
    {
      steps: [
        add,
        pod2(withKeys(add, { name: 'net2', ipam: subnets('10.1.2.0/24') })),
        del,
        pod2(withKeys(del, { name: 'net2' })),
      ],
    },
  ),
  bridge(
    'a bridge that is there, with a MAC',
    { ...gateway },
    {
      setUp: `ip link add cni0 address ${mac} type bridge; ip link set cni0 up`,
    },
  ),
  bridge(
    'a bridge that is there and down',
    { ipam },
    { setUp: `ip link add cni0 address ${mac} type bridge` },
  ),
  bridge(
    'a bridge with ports of others',
    { ...gateway },
    {
      setUp: `ip link add cni0 address ${mac} type bridge
ip link add other address 0a:00:00:00:00:01 type veth peer otherp address 0a:00:00:00:00:02
ip link set other master cni0 up; ip link set otherp up; ip link set cni0 up`,
    },
  ),
  bridge(
    'a bridge whose address is right already',
    { ...gateway },
    {
      setUp: `ip link add cni0 address ${mac} type bridge; ip address add 10.1.2.1/24 dev cni0; ip link set cni0 up`,
    },
  ),
  bridge(
    'forwarding is on already',
    { ...gateway },
    {
      setUp: 'echo 1 > /proc/sys/net/ipv4/ip_forward',
      steps: [add, shell('echo 0 > /proc/sys/net/ipv4/ip_forward'), pod2(add), del],
    },
  ),
]
