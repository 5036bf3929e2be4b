/** iptables(8) and ip6tables(8): changes by whole transactions, listings as words. */
import { type DetailedError, toDetailed } from '../base/errors.ts'
import type { Family } from '../ip/ip.ts'
import type { Firewall, Listing, Selection } from './firewall.ts'
import { parseRule } from './iptables-read.ts'
import { joinWords, splitWords } from './iptables-words.ts'
import { restoreText, ruleWords } from './iptables-write.ts'
import { isStuck, ToolError, type Tools } from './node-tool.ts'
import type { ChainRule, ListedRule } from './rule.ts'
import type { TableName } from './transaction.ts'
import { isSince } from './version.ts'

/** How long to wait, in seconds, while another program changes rules (kube-proxy takes its time). */
const lockSeconds = 20
/** Behind the lock a call is done in milliseconds; a table of kube-proxy's takes seconds. */
const timeoutMs = (lockSeconds + 10) * 1000

/** MASQUERADE has the option --random-fully since this version. */
const sinceRandomFully = [1, 6, 2] as const

export function iptables(tools: Tools): Firewall {
  return {
    backend: 'iptables',
    apply: (transaction) => {
      const [family, ...others] = new Set(transaction.map(({ table }) => familyOf(table)))
      if (family === undefined) return
      if (others.length > 0) throw new RangeError('iptables changes one family at a time')
      const names = transaction.map(({ table }) => table.name)
      restore(tools, family, names, restoreText(transaction))
    },
    list: (table, selection) => list(tools, table, selection),
    firstMissing: (table, rules) => firstMissing(tools, table, rules),
    problem: (family) => iptablesProblem(tools, family),
    canRandomizeFully: (family) =>
      isSince(run(tools, programs[family], ['--version'], '', ['nat']), sinceRandomFully),
  }
}

function familyOf({ family, name }: TableName): Family {
  if (family === 4 || family === 6) return family
  throw new RangeError(`iptables has no table ${name} of family ${family}`)
}

function restore(tools: Tools, family: Family, tables: readonly string[], text: string): string {
  const args = ['--noflush', '--wait', String(lockSeconds)]
  return run(tools, `${programs[family]}-restore`, args, text, tables)
}

/**
 * Several chains are listed by one process when all exist: iptables-restore takes every command of
 * iptables, listing too.
 */
function list(
  tools: Tools,
  table: TableName,
  { chains, mentioning = '' }: Selection = {},
): Listing {
  if (chains === undefined) return parseListing(listOne(tools, table) ?? '', mentioning)
  const [only, ...others] = chains
  if (only === undefined) return new Map()
  const together = others.length === 0 ? '' : listTogether(tools, table, chains)
  const listing = parseListing(together, mentioning)
  const lists = chains.map((chain) => {
    const rules = listing.get(chain)
    if (rules !== undefined) return [chain, rules] as const
    const own = parseListing(listOne(tools, table, chain) ?? '', mentioning).get(chain)
    return [chain, own] as const
  })
  return new Map(lists.flatMap(([chain, rules]) => (rules === undefined ? [] : [[chain, rules]])))
}

/** What is listed of a chain, or of all; undefined when it does not exist. */
function listOne(tools: Tools, table: TableName, ...chain: readonly string[]): string | undefined {
  const args = ['-w', String(lockSeconds), '-t', table.name, '-S', ...chain]
  try {
    return run(tools, programs[familyOf(table)], args, '', [table.name])
  } catch (error) {
    if (error instanceof ToolError && isAbsent(error)) return undefined
    throw error
  }
}

/** What is listed of chains; nothing when one of them does not exist. */
function listTogether(tools: Tools, table: TableName, chains: readonly string[]): string {
  try {
    return command(
      tools,
      table,
      chains.map((chain) => ['-S', chain]),
    )
  } catch (error) {
    if (error instanceof ToolError && !error.isStuck) return ''
    throw error
  }
}

/** Has iptables-restore carry out commands that change nothing. */
function command(tools: Tools, table: TableName, commands: readonly (readonly string[])[]): string {
  const text = [`*${table.name}`, ...commands.map(joinWords), 'COMMIT', ''].join('\n')
  return restore(tools, familyOf(table), [table.name], text)
}

/** iptables compares itself, and so understands conditions in a user's own words. */
function firstMissing(
  tools: Tools,
  table: TableName,
  rules: readonly ChainRule[],
): ChainRule | undefined {
  try {
    command(
      tools,
      table,
      rules.map(({ chain, rule }) => ['-C', chain, ...ruleWords(rule)]),
    )
    return undefined
  } catch (error) {
    const line =
      error instanceof ToolError ? /line (\d+) failed/.exec(error.stderr)?.[1] : undefined
    // the first line of the transaction is the name of the table
    const missing = line === undefined ? undefined : rules[Number(line) - 2]
    if (missing === undefined) throw error
    return missing
  }
}

/** What keeps iptables from being used for a family; undefined when nothing does. */
function iptablesProblem(tools: Tools, family: Family): DetailedError | undefined {
  try {
    listOne(tools, { family, name: 'nat' }, 'OUTPUT')
    return undefined
  } catch (error) {
    if (isStuck(error)) throw error
    return toDetailed(error)
  }
}

const programs = { 4: 'iptables', 6: 'ip6tables' } as const

function run(
  tools: Tools,
  name: string,
  args: readonly string[],
  stdin: string,
  tables: readonly string[],
): string {
  const listing = `${name.replace('-restore', '')} -t ${tables.join(' or ')} -S`
  return tools.run({
    name,
    args,
    stdin,
    timeoutMs,
    debianPackage: 'iptables',
    remedy:
      `see what there is with: ${listing}; if another program ` +
      `holds the lock for more than ${lockSeconds} s, fuser /run/xtables.lock names it`,
  })
}

/** How iptables 1.8 says that a chain is missing, with its legacy and with its nf_tables half. */
function isAbsent({ stderr }: ToolError): boolean {
  return /No chain\/target\/match by that name|is incompatible, use 'nft' tool/.test(stderr)
}

function parseListing(text: string, mentioning: string): Map<string, readonly ListedRule[]> {
  const lines = text.split('\n')
  // a list begins with the chain: with -P a built-in one, with -N another
  const chains = lines.flatMap((line) => /^-[PN] (\S+)/.exec(line)?.[1] ?? [])
  const rules = lines
    .filter((line) => line.startsWith('-A ') && line.includes(mentioning))
    .map(parseLine)
  const byChain = Map.groupBy(rules, ({ chain }) => chain)
  return new Map(chains.map((chain) => [chain, byChain.get(chain) ?? []]))
}

function parseLine(line: string): ListedRule {
  const [, chain = '', ...words] = splitWords(line)
  return { chain, rule: parseRule(words), key: words }
}
