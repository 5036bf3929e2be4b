/** Masquerading and the check of MACs. */
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
  life,
  pinnedBridge,
  pod2,
  subnets,
  v4,
  v6,
  withEnv,
  withKeys,
} from './builders.ts'

const ipMasq = { ipMasq: true, isGateway: true, ipam: subnets(v4) }
const dual = subnets(v4, v6)
const foreignRules = `iptables -t nat -A POSTROUTING -s 172.16.0.0/12 -j MASQUERADE
iptables -t nat -N OTHER; iptables -t nat -A OTHER -j RETURN`
const rulesOfGonePod = ['rules-of-gone-pod']
const pinned = { setUp: pinnedBridge }

export const bridgeFirewallCases: readonly Case[] = [
  bridge('ipMasq', ipMasq),
  bridge('ipMasq, IPv6', { ...ipMasq, ipam: subnets(v6) }),
  bridge('ipMasq, dual stack', { ...ipMasq, ipam: dual }, { steps: [...life, del] }),
  bridge('ipMasq, IPv6 first', { ...ipMasq, ipam: subnets(v6, v4) }),
  bridge('ipMasq without a gateway', { ...ipMasq, isGateway: false }, pinned),
  layer2('ipMasq of a layer-2 network', { ipMasq: true }),
  bridge(
    'ipMasq of two subnets',
    { ipMasq: true, ipam: subnets(v4, '10.1.3.0/24') },
    { ...pinned, steps: [add, del], differs: ['accept-first', 'busy-chain', 'rules-of-gone-pod'] },
  ),
  bridge('ipMasq beside rules of others', ipMasq, { setUp: foreignRules }),
  bridge(
    'ipMasq of two pods',
    { ...ipMasq, ipam: dual },
    {
      steps: [add, pod2(add), del, pod2(check), pod2(del)],
    },
  ),
  bridge('ipMasq of two interfaces of a pod', ipMasq, {
    steps: [add, eth1(add), eth1(del), del],
    differs: ['busy-chain', 'shared-chain'],
  }),
  bridge('ipMasq with a long network name', { ...ipMasq, name: 'n'.repeat(120) }),
  bridge('ipMasq with a long container ID', ipMasq, {
    steps: [add, check, del].map((call) => withEnv(call, { CNI_CONTAINERID: 'c'.repeat(64) })),
  }),
  bridge('ipMasq, and DEL when the sandbox is gone', ipMasq, {
    steps: [add, deletePod, del],
    differs: rulesOfGonePod,
  }),
  bridge('ipMasq, and DEL without a sandbox', ipMasq, {
    steps: [add, withEnv(del, { CNI_NETNS: undefined })],
    differs: [...rulesOfGonePod, 'orphan'],
  }),
  bridge('ipMasq, and DEL when the interface is gone', ipMasq, {
    steps: [add, inPod('ip link delete eth0'), del],
    differs: rulesOfGonePod,
  }),
  bridge('ipMasq, and DEL of what was never added', ipMasq, {
    steps: [del],
    differs: ['no-folder'],
  }),
  bridge(
    'ipMasq is switched on',
    { ...ipMasq, ipMasq: false },
    {
      steps: [add, withKeys(del, { ipMasq: true })],
      differs: ['missing-chain'],
    },
  ),
  bridge(
    'macspoofchk',
    { macspoofchk: true, isGateway: true, ipam: subnets(v4) },
    { steps: [...life, del] },
  ),
  layer2('macspoofchk of a layer-2 network', { macspoofchk: true }),
  bridge('macspoofchk of a MAC that was asked for', {
    macspoofchk: true,
    isGateway: true,
    ipam: subnets(v4),
    runtimeConfig: { mac: '0a:58:0a:01:02:03' },
  }),
  bridge(
    'macspoofchk of two pods',
    { macspoofchk: true },
    {
      ...pinned,
      steps: [add, pod2(add), del, pod2(del)],
    },
  ),
  bridge(
    'macspoofchk, and DEL when the sandbox is gone',
    { macspoofchk: true },
    {
      ...pinned,
      steps: [add, deletePod, del],
      differs: ['spoof-check-of-gone-pod'],
    },
  ),
  bridge('macspoofchk, and DEL of what was never added', { macspoofchk: true }, { steps: [del] }),
  bridge('macspoofchk and ipMasq', { ...ipMasq, macspoofchk: true, ipam: dual }),
]
