/**
 * A packet filter in memory, for tests of what uses one: they read what there is, and what was
 * done. The tests of the real ones hold for it too.
 */
import { DetailedError } from '../../lib/base/errors.ts'
import {
  type Firewall,
  type FirewallBackend,
  type Listing,
  missingFrom,
  rulesOf,
  type Selection,
} from '../../lib/firewall/firewall.ts'
import { restoreText, ruleWords } from '../../lib/firewall/iptables-write.ts'
import { nftText, ruleText, tableFamily } from '../../lib/firewall/nft-write.ts'
import {
  type ChainRule,
  type ListedRule,
  type Rule,
  sameRule,
  targetOf,
} from '../../lib/firewall/rule.ts'
import type { Change, TableChanges, TableName } from '../../lib/firewall/transaction.ts'

type Chains = Map<string, ListedRule[]>

/** The chains that iptables always has, of the tables that are used here. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
}

export class FakeFirewall implements Firewall {
  readonly backend: FirewallBackend
  /** What each transaction was written as, those that failed too. */
  readonly applied: string[] = []
  /** What `problem` returns. */
  lacking: DetailedError | undefined
  #tables = new Map<string, Chains>()
  #handle = 0

  constructor(backend: FirewallBackend) {
    this.backend = backend
  }

  apply(transaction: readonly TableChanges[]): void {
    const write = { iptables: restoreText, nftables: nftText }[this.backend]
    this.applied.push(write(transaction))
    const before = this.#tables
    try {
      for (const { table, changes } of transaction) {
        this.#tables = copyOf(this.#tables)
        for (const change of orderOf(this.backend, changes)) this.#change(table, change)
        this.#checkTargets(table)
        // iptables does each table by itself
        if (this.backend === 'iptables') before.set(keyOf(table), this.#chains(table))
      }
    } catch (error) {
      this.#tables = before
      throw error
    }
  }

  list(table: TableName, { chains }: Selection = {}): Listing {
    const all = this.#find(table) ?? new Map<string, ListedRule[]>()
    return new Map([...all].filter(([chain]) => chains?.includes(chain) ?? true))
  }

  firstMissing(table: TableName, rules: readonly ChainRule[]): ChainRule | undefined {
    return missingFrom(this.list(table), rules)
  }

  problem(): DetailedError | undefined {
    return this.lacking
  }

  canRandomizeFully(): boolean {
    return true
  }

  /** The rules of a chain in the backend's words; undefined when there is no such chain. */
  texts(table: TableName, chain: string): string[] | undefined {
    return this.list(table)
      .get(chain)
      ?.map(({ rule }) => this.#text(rule))
  }

  #text(rule: Rule): string {
    return this.backend === 'iptables' ? ruleWords(rule).join(' ') : ruleText(rule)
  }

  #find(table: TableName): Chains | undefined {
    const chains = this.#tables.get(keyOf(table))
    if (chains !== undefined || this.backend === 'nftables') return chains
    const names = builtIn[table.name]
    if (names === undefined) throw failure(`iptables has no table ${table.name}`)
    const made: Chains = new Map(names.map((name) => [name, []]))
    this.#tables.set(keyOf(table), made)
    return made
  }

  #chains(table: TableName): Chains {
    const chains = this.#find(table)
    if (chains === undefined) throw failure(`there is no table ${table.name}`)
    return chains
  }

  #rules(table: TableName, chain: string): ListedRule[] {
    const rules = this.#chains(table).get(chain)
    if (rules === undefined) throw failure(`there is no chain ${chain}`)
    return rules
  }

  #change(table: TableName, change: Change): void {
    switch (change.do) {
      case 'add table':
        if (this.#find(table) === undefined) this.#tables.set(keyOf(table), new Map())
        return
      case 'delete table':
        this.#chains(table)
        this.#tables.delete(keyOf(table))
        return
      case 'add chain': {
        const chains = this.#chains(table)
        const { name } = change.chain
        if (!chains.has(name)) chains.set(name, [])
        return
      }
      case 'flush chain':
        this.#rules(table, change.chain).length = 0
        return
      case 'delete chain':
        return this.#deleteChain(table, change.chain)
      case 'add rule':
        this.#rules(table, change.chain).push(this.#listed(change))
        return
      case 'insert rule':
        this.#rules(table, change.chain).unshift(this.#listed(change))
        return
      case 'delete rule':
        return this.#deleteRule(table, change.rule)
    }
  }

  #listed({ chain, rule }: ChainRule): ListedRule {
    const key = this.backend === 'iptables' ? ruleWords(rule) : ++this.#handle
    return { chain, rule, key }
  }

  #deleteChain(table: TableName, chain: string): void {
    if (this.#rules(table, chain).length > 0) throw failure(`chain ${chain} is not empty`)
    const isUsed = rulesOf(this.#chains(table)).some(({ rule }) => targetOf(rule) === chain)
    if (isUsed) throw failure(`a rule leads to chain ${chain}`)
    this.#chains(table).delete(chain)
  }

  #deleteRule(table: TableName, rule: ListedRule): void {
    const rules = this.#rules(table, rule.chain)
    const index = rules.findIndex((each) =>
      typeof rule.key === 'number' ? each.key === rule.key : sameRule(each.rule, rule.rule),
    )
    if (index < 0) throw failure(`there is no such rule in chain ${rule.chain}`)
    rules.splice(index, 1)
  }

  /** A rule may not lead to a chain that there is not. */
  #checkTargets(table: TableName): void {
    const chains = this.#find(table)
    for (const { rule } of rulesOf(chains ?? new Map())) {
      const target = targetOf(rule)
      if (target !== undefined && !chains?.has(target)) throw failure(`there is no chain ${target}`)
    }
  }
}

/** iptables makes and empties the chains that it is to make before all else. */
function orderOf(backend: FirewallBackend, changes: readonly Change[]): readonly Change[] {
  if (backend === 'nftables') return changes
  const made = changes.flatMap((change) => (change.do === 'add chain' ? change.chain.name : []))
  const isFirst = (change: Change) =>
    change.do === 'add chain' || (change.do === 'flush chain' && made.includes(change.chain))
  return [...changes.filter(isFirst), ...changes.filter((change) => !isFirst(change))]
}

function keyOf(table: TableName): string {
  return `${tableFamily(table)} ${table.name}`
}

function copyOf(tables: ReadonlyMap<string, Chains>): Map<string, Chains> {
  return new Map(
    [...tables].map(([key, chains]) => [
      key,
      new Map([...chains].map(([name, rules]) => [name, [...rules]])),
    ]),
  )
}

function failure(message: string): DetailedError {
  return new DetailedError(message, 'the packet filter in memory refuses what a real one would')
}
