/** What is to change in the packet filter, as data: a backend carries out all of it or nothing. */
import type { Family } from '../ip/ip.ts'
import type { ChainRule, ListedRule } from './rule.ts'

export interface TableName {
  /** Of iptables there are tables of 4 and of 6 alone. */
  readonly family: Family | 'inet' | 'bridge'
  readonly name: string
}

export interface Chain {
  readonly name: string
  /** Where the kernel sends packets there; iptables has chains for that which are always there. */
  readonly hook?: Hook
  /** For people; iptables has none. */
  readonly comment?: string
}

export interface Hook {
  readonly type: 'nat' | 'filter'
  readonly hook: 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'
  /** Chains with a lower one come first. */
  readonly priority: number
  /** What becomes of packets without a verdict; absent, they are accepted. */
  readonly policy?: 'accept' | 'drop'
}

export type Change =
  /** Makes the table unless it is there; those of iptables always are. */
  | { readonly do: 'add table'; readonly comment?: string }
  /** Nothing of iptables can be asked to do that. */
  | { readonly do: 'delete table' }
  /** Makes a chain unless it is there; with iptables it must be flushed as well. */
  | { readonly do: 'add chain'; readonly chain: Chain }
  /** Removes all rules of a chain. */
  | { readonly do: 'flush chain'; readonly chain: string }
  /** Removes a chain that is empty, and that nothing leads to. */
  | { readonly do: 'delete chain'; readonly chain: string }
  /** Adds a rule behind all others of its chain. */
  | ({ readonly do: 'add rule' } & ChainRule)
  /** Adds a rule before all others of its chain. */
  | ({ readonly do: 'insert rule' } & ChainRule)
  | { readonly do: 'delete rule'; readonly rule: ListedRule }

/** Changes of one table, in their order. */
export interface TableChanges {
  readonly table: TableName
  readonly changes: readonly Change[]
}

/** All rules, each behind the one before. */
export function addRules(rules: readonly ChainRule[]): Change[] {
  return rules.map(({ chain, rule }) => ({ do: 'add rule', chain, rule }))
}

export function deleteRules(rules: readonly ListedRule[]): Change[] {
  return rules.map((rule) => ({ do: 'delete rule', rule }))
}

/** Has each chain there, and nothing in it. */
export function emptyChains(names: readonly string[]): Change[] {
  return [
    ...names.map((name): Change => ({ do: 'add chain', chain: { name } })),
    ...names.map((chain): Change => ({ do: 'flush chain', chain })),
  ]
}

/** Removes chains. Nothing may lead there; one that is missing is made to be deleted. */
export function deleteChains(names: readonly string[]): Change[] {
  return names.map((chain) => ({ do: 'delete chain', chain }))
}
