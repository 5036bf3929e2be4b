/**
 * What somebody has in the packet filter of one family, as data, and the verbs for it: everything
 * is there, in its order, or it is made so.
 */
import type { Firewall, Listing } from './firewall.ts'
import { commentOf, type ListedRule, type Rule, sameRule, targetOf } from './rule.ts'
import {
  addRules,
  type Chain,
  type Change,
  deleteChains,
  deleteRules,
  type TableChanges,
  type TableName,
} from './transaction.ts'

export interface Ruleset {
  readonly tables: readonly RulesetTable[]
}

export interface RulesetTable {
  readonly table: TableName
  /** For people; iptables has none. */
  readonly comment?: string
  readonly chains: readonly RulesetChain[]
}

export interface RulesetChain extends Chain {
  /**
   * `whole`: the chain is made, and nothing else is in it. Else it is there, with the rules of
   * others: these ones go before or behind what is there when they are added, and may be anywhere
   * later, since others add to both ends too.
   */
  readonly place: 'whole' | 'first' | 'last'
  readonly rules: readonly Rule[]
  /** Among the rules of others: those with this comment are the ruleset's, whatever they say. */
  readonly ownComment?: string
}

/** What a ruleset differs in from what is there. */
export interface Difference {
  readonly table: TableName
  readonly chain: string
  /**
   * The rule that is missing; absent when the chain is, or when it has all of them and more: others
   * in a whole chain, or another order there, or in one of others a rule that is the ruleset's and
   * not, or no longer, in it: a second way to a whole chain, say.
   */
  readonly rule?: Rule
}

/**
 * Makes everything that is missing: a table in which something differs is filled anew, so that its
 * rules are in their order. In the chains of others, rules stay where they are when none is
 * missing. Returns whether anything was changed; throws as `Firewall` does.
 */
export function ensure(firewall: Firewall, ruleset: Ruleset): boolean {
  const transaction = ruleset.tables.flatMap((each) => {
    const listing = list(firewall, each)
    const isRight = findDifference(each, listing) === undefined
    return isRight ? [] : [{ table: each.table, changes: fill(each, listing) }]
  })
  return apply(firewall, transaction)
}

/**
 * The first difference; undefined when everything is there. Where the kernel sends packets to a
 * chain that is there is not looked at. Throws as `Firewall` does.
 */
export function check(firewall: Firewall, ruleset: Ruleset): Difference | undefined {
  for (const each of ruleset.tables) {
    const difference = findDifference(each, list(firewall, each))
    if (difference !== undefined) return difference
  }
  return undefined
}

/**
 * Removes the chains that are whole, with all that leads there from the others, and the rules from
 * those. A table of nftables of which all chains are whole goes too. Returns whether anything was
 * changed; throws as `Firewall` does.
 */
export function remove(firewall: Firewall, ruleset: Ruleset): boolean {
  const transaction = ruleset.tables.flatMap((each) => {
    const changes = clear(firewall, each, list(firewall, each))
    return changes.length === 0 ? [] : [{ table: each.table, changes }]
  })
  return apply(firewall, transaction)
}

function list(firewall: Firewall, { table, chains }: RulesetTable): Listing {
  return firewall.list(table, { chains: chains.map(({ name }) => name) })
}

function apply(firewall: Firewall, transaction: readonly TableChanges[]): boolean {
  if (transaction.length > 0) firewall.apply(transaction)
  return transaction.length > 0
}

function findDifference({ table, chains }: RulesetTable, listing: Listing): Difference | undefined {
  const whole = wholeChains(chains)
  for (const chain of chains) {
    const { name, place, rules } = chain
    const listed = listing.get(name)
    if (listed === undefined) return { table, chain: name }
    const missing = rules.find((rule) => !listed.some((each) => sameRule(each.rule, rule)))
    if (missing !== undefined) return { table, chain: name, rule: missing }
    const own = place === 'whole' ? listed : ownRules(chain, whole, listing)
    const isInOrder = place !== 'whole' || own.every(({ rule }, i) => isAt(rules, i, rule))
    if (own.length !== rules.length || !isInOrder) return { table, chain: name }
  }
  return undefined
}

function wholeChains(chains: readonly RulesetChain[]): string[] {
  return chains.filter(({ place }) => place === 'whole').map(({ name }) => name)
}

function isAt(rules: readonly Rule[], index: number, rule: Rule): boolean {
  const expected = rules[index]
  return expected !== undefined && sameRule(expected, rule)
}

function fill({ comment, chains }: RulesetTable, listing: Listing): Change[] {
  const { whole = [], shared = [] } = Object.groupBy(chains, ({ place }) =>
    place === 'whole' ? 'whole' : 'shared',
  )
  return [
    { do: 'add table', ...(comment !== undefined && { comment }) },
    ...whole.map(({ rules, place, ownComment, ...chain }): Change => ({ do: 'add chain', chain })),
    ...whole.map(({ name }): Change => ({ do: 'flush chain', chain: name })),
    ...whole.flatMap(({ name, rules }) => addRules(rules.map((rule) => ({ chain: name, rule })))),
    ...shared.flatMap((chain) => settle(chain, ownRules(chain, wholeChains(chains), listing))),
  ]
}

/** The changes of a chain of others that has these rules of the ruleset. */
function settle(chain: RulesetChain, own: readonly ListedRule[]): Change[] {
  // iptables deletes the first of rules that are the same
  const kept = chain.rules.map((rule) => own.findLast((each) => sameRule(each.rule, rule)))
  if (kept.includes(undefined)) return [...deleteRules(own), ...placeRules(chain)]
  return deleteRules(own.filter((each) => !kept.includes(each)))
}

function placeRules({ name: chain, place, rules }: RulesetChain): Change[] {
  if (place !== 'first') return addRules(rules.map((rule) => ({ chain, rule })))
  // each goes before the one that was inserted last
  return rules.toReversed().map((rule): Change => ({ do: 'insert rule', chain, rule }))
}

function clear({ backend }: Firewall, { chains }: RulesetTable, listing: Listing): Change[] {
  const whole = wholeChains(chains)
  const present = whole.filter((name) => listing.has(name))
  if (backend === 'nftables' && whole.length === chains.length) {
    return listing.size === 0 ? [] : [{ do: 'delete table' }]
  }
  const jumps = chains.flatMap((chain) =>
    chain.place === 'whole' ? [] : ownRules(chain, whole, listing),
  )
  return [
    ...deleteRules(jumps),
    ...present.map((chain): Change => ({ do: 'flush chain', chain })),
    ...deleteChains(present),
  ]
}

/** Those of the rules of a chain of others that are the ruleset's, or would be. */
function ownRules(
  { name, rules, ownComment }: RulesetChain,
  targets: readonly string[],
  listing: Listing,
): ListedRule[] {
  return (listing.get(name) ?? []).filter(
    ({ rule }) =>
      rules.some((own) => sameRule(own, rule)) ||
      targets.includes(targetOf(rule) ?? '') ||
      (ownComment !== undefined && commentOf(rule) === ownComment),
  )
}
