/** The portmap plugin, behind a bridge that connects the pod to 10.1.2.2 and fd00::2. */
import type { Call, Case } from '../case.ts'
import { add, container, portmap, withEnv, withKeys } from './builders.ts'
import { addressV4, addressV6, connected, mapped, tcp } from './portmap-builders.ts'

/** A runtime gives CHECK and DEL the result of the whole chain, which here is that of the bridge. */
const check: Call = { command: 'CHECK' }
const del: Call = { command: 'DEL' }

const udp = { hostPort: 8053, containerPort: 53, protocol: 'udp' }
const many = Array.from({ length: 20 }, (_, index) => ({
  hostPort: 9000 + index,
  containerPort: 90 + index,
  protocol: 'tcp',
}))

const v4 = connected(addressV4)
const dual = connected(addressV4, addressV6)
const refused = [
  ...[{ markMasqBit: 32 }, { markMasqBit: -1 }, { markMasqBit: 5, externalSetMarkChain: 'X' }],
  ...[{ snat: 'yes' }, { markMasqBit: 'x' }, { conditionsV4: '-s' }],
  ...[{ hostPort: 0 }, { containerPort: 0 }, { hostPort: '1' }].map((keys) =>
    mapped({ ...tcp, ...keys }),
  ),
]

/** The call for another pod, which has a port of its own. */
function other(call: Call): Call {
  const keys = { ...connected({ ...addressV4, address: '10.1.2.3/24' }), ...mapped(udp) }
  return container('c2', withKeys(call, keys))
}

const remembered = ['ports-record']
/** A pod with addresses of one family, on a node without rules of the other. */
const oneFamily = { differs: [...remembered, 'portmap-families', 'no-other-family'] }
const bothFamilies = { differs: [...remembered, 'portmap-families'] }
const oneTcp = { ...mapped(tcp), ...v4 }

export const portmapCases: readonly Case[] = [
  portmap('no ports', v4),
  portmap('a port', oneTcp, oneFamily),
  portmap(
    'a port, dual stack',
    { ...mapped(tcp), ...dual },
    { steps: [add, check, del, del], ...bothFamilies },
  ),
  portmap('a port, IPv6', { ...mapped(tcp), ...connected(addressV6) }, oneFamily),
  portmap(
    'ports of several protocols',
    { ...mapped(tcp, udp, { ...tcp, hostPort: 8081, protocol: 'sctp' }), ...dual },
    bothFamilies,
  ),
  portmap('many ports', { ...mapped(...many), ...v4 }, oneFamily),
  portmap('a protocol in upper case', { ...mapped({ ...tcp, protocol: 'TCP' }), ...v4 }, oneFamily),
  ...['10.1.2.1', '0.0.0.0', ''].map((hostIP) =>
    portmap(
      `hostIP ${JSON.stringify(hostIP)}`,
      { ...mapped({ ...tcp, hostIP }), ...v4 },
      oneFamily,
    ),
  ),
  portmap(
    'hostIP of IPv6',
    { ...mapped({ ...tcp, hostIP: 'fd00::1' }), ...dual },
    {
      differs: [...remembered, 'portmap-families', 'no-other-family', 'rules-of-one-family'],
    },
  ),
  portmap('snat false', { snat: false, ...mapped(tcp), ...dual }, bothFamilies),
  portmap('markMasqBit', { markMasqBit: 5, ...oneTcp }, oneFamily),
  portmap(
    'externalSetMarkChain',
    { externalSetMarkChain: 'KUBE-MARK-MASQ', ...oneTcp },
    {
      setUp: 'iptables -t nat -N KUBE-MARK-MASQ; ip6tables -t nat -N KUBE-MARK-MASQ',
      ...bothFamilies,
    },
  ),
  portmap(
    'conditions',
    {
      conditionsV4: ['!', '-s', '192.0.2.0/24'],
      conditionsV6: ['!', '-s', '2001:db8::/32'],
      ...mapped(tcp),
      ...dual,
    },
    bothFamilies,
  ),
  portmap('backend iptables', { backend: 'iptables', ...oneTcp }, oneFamily),
  portmap(
    'backend nftables',
    { backend: 'nftables', ...mapped(tcp), ...dual },
    { steps: [add, del], differs: [...remembered, 'portmap-nftables'] },
  ),
  portmap(
    'masqAll',
    { masqAll: true, ...mapped(tcp), ...dual },
    { steps: [add, del], differs: [...remembered, 'masq-all'] },
  ),
  portmap('two containers', oneTcp, {
    steps: [add, other(add), del, other(del)],
    differs: [...remembered, 'no-other-family'],
  }),
  portmap('ADD twice', oneTcp, { steps: [add, add, check, del], ...oneFamily }),
  portmap('CHECK before ADD', oneTcp, { steps: [check] }),
  portmap('CHECK after DEL', oneTcp, {
    steps: [add, del, check],
    differs: [...remembered, 'no-other-family'],
  }),
  portmap('CHECK of another port', oneTcp, {
    steps: [add, withKeys(check, mapped(udp))],
    differs: [...remembered, 'rule-text'],
  }),
  portmap('DEL without ports', oneTcp, {
    steps: [add, withKeys(del, { runtimeConfig: {} })],
    differs: [...remembered, 'del-without-ports'],
  }),
  portmap('DEL without prevResult', oneTcp, {
    steps: [add, withKeys(del, { prevResult: undefined })],
    differs: [...remembered, 'no-other-family'],
  }),
  portmap('DEL of what was never added', oneTcp, { steps: [del], differs: ['no-other-family'] }),
  portmap('a long container ID', oneTcp, {
    steps: [add, check, del].map((call) => withEnv(call, { CNI_CONTAINERID: 'c'.repeat(64) })),
    ...oneFamily,
  }),
  portmap(
    'an address of another interface',
    { ...mapped(tcp), ...connected({ ...addressV4, interface: 0 }) },
    { differs: ['no-other-family'] },
  ),
  portmap(
    'an address of no interface',
    { ...mapped(tcp), ...connected({ ...addressV4, interface: undefined }) },
    oneFamily,
  ),
  portmap('rules of others', oneTcp, {
    setUp: `iptables -t nat -A PREROUTING -p tcp --dport 1 -j RETURN
iptables -t nat -A POSTROUTING -j RETURN`,
    ...oneFamily,
  }),
  portmap('no prevResult', mapped(tcp), {
    steps: [add, check],
    differs: ['configuration-mistake'],
  }),
  portmap('keys that are refused', oneTcp, {
    steps: refused.flatMap((keys) => [add, check].map((call) => withKeys(call, keys))),
    kernel: 'after the last step',
    differs: ['configuration-mistake', 'wrong-type'],
  }),
]
