/** The packet filter, whichever backend it is reached by: transactions in, rules as data out. */
import type { DetailedError } from '../base/errors.ts'
import type { Family } from '../ip/ip.ts'
import { type ChainRule, type ListedRule, ruleKey } from './rule.ts'
import type { TableChanges, TableName } from './transaction.ts'

export const firewallBackends = ['iptables', 'nftables'] as const
export type FirewallBackend = (typeof firewallBackends)[number]

export interface Firewall {
  readonly backend: FirewallBackend
  /**
   * Carries out the changes of tables of one family: those of each table all or nothing, and with
   * nftables those of all together. Throws a `DetailedError` with the program's own words, and a
   * `RangeError` for what the backend has no way to write.
   */
  apply(transaction: readonly TableChanges[]): void
  /** The rules of chains in their order; a chain that does not exist has no entry. */
  list(table: TableName, selection?: Selection): Listing
  /** The first of the rules that the table does not have, whatever is around it. */
  firstMissing(table: TableName, rules: readonly ChainRule[]): ChainRule | undefined
  /**
   * What keeps the backend from being used for a family; undefined when nothing does. Throws a
   * `DetailedError` when it did not end: that says nothing about what it can do.
   */
  problem(family: Family): DetailedError | undefined
  /** Whether it can masquerade by ports chosen at random. Starts a process; throws as it fails. */
  canRandomizeFully(family: Family): boolean
}

/** What is to be listed of a table: everything, or less. */
export interface Selection {
  readonly chains?: readonly string[]
  /**
   * Rules whose text does not have this may be left out: others fill some chains with thousands,
   * which would have to be read.
   */
  readonly mentioning?: string
}

/** Rules by the names of their chains. */
export type Listing = ReadonlyMap<string, readonly ListedRule[]>

/** All rules of a listing. */
export function rulesOf(listing: Listing): ListedRule[] {
  return [...listing.values()].flat()
}

/** The first of the rules that is not in the listing. */
export function missingFrom(listing: Listing, rules: readonly ChainRule[]): ChainRule | undefined {
  const keys = new Map(
    [...listing].map(([chain, listed]) => [
      chain,
      new Set(listed.map(({ rule }) => ruleKey(rule))),
    ]),
  )
  return rules.find(({ chain, rule }) => !keys.get(chain)?.has(ruleKey(rule)))
}
