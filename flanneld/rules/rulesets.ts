/**
 * The rules of a node as data: what Go's flanneld installs, by the same names of tables and chains,
 * in the same order and, by iptables, with the same comments. Two rules of nftables are those of
 * iptables instead: there Go's flanneld asks for the mark alone, without a mask, and has what
 * comes from outside keep its source in the whole cluster, not only in the node's own subnet.
 */
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import type { Rule } from '../../lib/firewall/rule.ts'
import type { Ruleset, RulesetChain } from '../../lib/firewall/ruleset.ts'
import type { Hook, TableName } from '../../lib/firewall/transaction.ts'
import { type Family, family } from '../../lib/ip/ip.ts'
import { multicast } from '../../lib/ip/well-known.ts'
import type { NodeNetwork, RuleKind } from './spec.ts'

/** kube-proxy sets it in packets that it will masquerade itself. */
const kubeProxyMark = 0x4000

/** Whose rules, and where. */
export interface RulesPlace {
  readonly backend: FirewallBackend
  readonly family: Family
  readonly kind: RuleKind
}

/** The rules of one kind; `fullyRandom` says how ports are chosen. */
export function rulesOf(
  kind: RuleKind,
  networks: NodeNetwork,
  fullyRandom: boolean,
): readonly Rule[] {
  return kind === 'masquerade' ? masquerading(networks, fullyRandom) : forwarding(networks)
}

function masquerading({ network, subnet }: NodeNetwork, fullyRandom: boolean): Rule[] {
  const back = { verdict: 'return' } as const
  const masquerade = { masquerade: { fullyRandom } }
  const outside = { source: network, op: '!=' } as const
  const group = { destination: multicast[family(network.ip)], op: '!=' } as const
  return [
    [{ mark: kubeProxyMark }, back],
    [{ source: subnet }, { destination: network }, back],
    [{ source: network }, { destination: subnet }, back],
    [outside, { destination: subnet }, back],
    [{ source: network }, group, masquerade],
    [outside, { destination: network }, masquerade],
  ]
}

function forwarding({ network }: NodeNetwork): Rule[] {
  const accept = { verdict: 'accept' } as const
  return [
    [{ source: network }, accept],
    [{ destination: network }, accept],
  ]
}

/** The table of nftables that is the agent's own. */
export function nftTable(of: Family): TableName {
  return { family: of, name: `flannel-ipv${of}` }
}

/** A chain of ours by nftables, which begins where the kernel sends packets there. */
const nftChains: Readonly<Record<RuleKind, Omit<RulesetChain, 'rules'>>> = {
  masquerade: {
    name: 'postrtg',
    hook: { type: 'nat', hook: 'postrouting', priority: 100 } satisfies Hook, // srcnat
    comment: 'chain to manage traffic masquerading by flannel',
    place: 'whole',
  },
  forward: {
    name: 'forward',
    hook: { type: 'filter', hook: 'forward', priority: 0 } satisfies Hook, // filter
    comment: 'chain to accept flannel traffic',
    place: 'whole',
  },
}

interface IptablesChain {
  readonly table: string
  /** The chain of iptables that leads to ours. */
  readonly from: string
  readonly name: string
  /** In every rule, that in `from` too. Old versions had all rules there. */
  readonly comment: string
}

const iptablesChains: Readonly<Record<RuleKind, IptablesChain>> = {
  masquerade: {
    ...{ table: 'nat', from: 'POSTROUTING', name: 'FLANNEL-POSTRTG' },
    comment: 'flanneld masq',
  },
  forward: {
    ...{ table: 'filter', from: 'FORWARD', name: 'FLANNEL-FWD' },
    comment: 'flanneld forward',
  },
}

/** What holds these rules at their place. With none it is what `remove` takes away. */
export function rulesetOf({ backend, family, kind }: RulesPlace, rules: readonly Rule[]): Ruleset {
  if (backend === 'nftables') {
    const table = nftTable(family)
    const comment = `rules for ${table.name}`
    return { tables: [{ table, comment, chains: [{ ...nftChains[kind], rules }] }] }
  }
  const { table, from, name, comment } = iptablesChains[kind]
  const own = rules.map((rule) => rule.toSpliced(-1, 0, { comment }))
  const chains: RulesetChain[] = [
    { name, place: 'whole', rules: own },
    { name: from, place: 'last', rules: [[{ comment }, { jump: name }]], ownComment: comment },
  ]
  return { tables: [{ table: { family, name: table }, chains }] }
}

/** Where the rules of a kind are: the table, our chain in it, and what iptables leads there from. */
export function chainsOf({ backend, family, kind }: RulesPlace) {
  if (backend === 'nftables') return { table: nftTable(family), chain: nftChains[kind].name }
  const { table, from, name, comment } = iptablesChains[kind]
  return { table: { family, name: table }, chain: name, from: { chain: from, comment } }
}
