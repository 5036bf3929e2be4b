/** iptables(8) and ip6tables(8), table nat: changes by whole transactions, listings as words. */
import { DetailedError, toDetailed } from '../base/errors.ts'
import type { Family } from '../ip/ip.ts'
import { joinWords, splitWords } from './iptables-words.ts'
import { isStuck, ToolError, type Tools } from './node-tool.ts'

/** How long to wait, in seconds, while another program changes rules (kube-proxy takes its time). */
const lockSeconds = 20
/** Behind the lock a call is done in milliseconds; a table of kube-proxy's takes seconds. */
const timeoutMs = (lockSeconds + 10) * 1000

/** A rule without the chain it is in: `['-p', 'tcp', '-j', 'ACCEPT']`. */
export type Rule = readonly string[]

export interface ChainRule {
  readonly chain: string
  readonly rule: Rule
}

/** What to change; chains that are named here and do not exist are made. */
export interface Changes {
  /** Chains to make, or to empty if they exist. Not to be used with chains that others fill. */
  readonly chains: readonly string[]
  /** Commands with their words, such as `['-A', 'POSTROUTING', '-j', 'MY-CHAIN']`. */
  readonly commands: readonly Rule[]
}

/** The text that iptables-restore(8) takes. */
export function restoreText({ chains, commands }: Changes): string {
  const lines = [...chains.map((chain) => `:${chain} - [0:0]`), ...commands.map(joinWords)]
  return ['*nat', ...lines, 'COMMIT', ''].join('\n')
}

/**
 * Changes table nat in one transaction: all of it or nothing. Rules that are not named stay.
 * Throws a `DetailedError` with the program's own words.
 */
export function iptablesRestore(tools: Tools, family: Family, changes: Changes): void {
  restore(tools, family, changes)
}

function restore(tools: Tools, family: Family, changes: Changes): string {
  const args = ['--noflush', '--wait', String(lockSeconds)]
  return run(tools, `${programs[family]}-restore`, args, restoreText(changes))
}

/** The rules of a chain of table nat in their order; undefined when there is no such chain. */
export function iptablesList(tools: Tools, family: Family, chain: string): Rule[] | undefined {
  let stdout: string
  try {
    stdout = run(tools, programs[family], ['-w', String(lockSeconds), '-t', 'nat', '-S', chain], '')
  } catch (error) {
    if (error instanceof ToolError && isAbsent(error)) return undefined
    throw error
  }
  return parseRules(stdout.split('\n')).map(({ rule }) => rule)
}

/**
 * The same for several chains; those that do not exist are not in the map. Of chains that others
 * fill with thousands of rules only those are read that mention a text. One process when all chains
 * exist: iptables-restore takes every command of iptables, listing too.
 */
export function iptablesListAll(
  tools: Tools,
  family: Family,
  chains: readonly string[],
  mentioning = '',
): Map<string, Rule[]> {
  const lines = listTogether(tools, family, chains).split('\n')
  const rules = parseRules(lines.filter((line) => line.includes(mentioning)))
  // a list begins with the chain: with -P a built-in one, with -N another
  const listed = lines.flatMap((line) => /^-[PN] (\S+)/.exec(line)?.[1] ?? [])
  const lists = chains.map((chain) => {
    const own = rules.filter((each) => each.chain === chain).map(({ rule }) => rule)
    return [chain, listed.includes(chain) ? own : iptablesList(tools, family, chain)] as const
  })
  return new Map(lists.flatMap(([chain, list]) => (list === undefined ? [] : [[chain, list]])))
}

/** What is listed of chains; nothing when one of them does not exist. */
function listTogether(tools: Tools, family: Family, chains: readonly string[]): string {
  try {
    return restore(tools, family, { chains: [], commands: chains.map((chain) => ['-S', chain]) })
  } catch (error) {
    if (error instanceof ToolError && !error.isStuck) return ''
    throw error
  }
}

/** The first of the rules that table nat does not have; undefined when it has them all. */
export function iptablesFirstMissing(
  tools: Tools,
  family: Family,
  rules: readonly ChainRule[],
): ChainRule | undefined {
  const commands = rules.map(({ chain, rule }) => ['-C', chain, ...rule])
  try {
    restore(tools, family, { chains: [], commands })
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

/**
 * What keeps iptables from being used for a family; undefined when nothing does. Throws a
 * `DetailedError` when it did not end, or another program held its lock for too long: it is in use then.
 */
export function iptablesProblem(tools: Tools, family: Family): DetailedError | undefined {
  try {
    iptablesList(tools, family, 'OUTPUT')
    return undefined
  } catch (error) {
    if (isStuck(error)) throw error
    return toDetailed(error)
  }
}

const programs = { 4: 'iptables', 6: 'ip6tables' } as const

function run(tools: Tools, name: string, args: readonly string[], stdin: string): string {
  return tools.run({
    name,
    args,
    stdin,
    timeoutMs,
    debianPackage: 'iptables',
    remedy:
      `see what there is with: ${name.replace('-restore', '')} -t nat -S; if another program ` +
      `holds the lock for more than ${lockSeconds} s, fuser /run/xtables.lock names it`,
  })
}

/** How iptables 1.8 says that a chain is missing, with its legacy and with its nf_tables half. */
function isAbsent({ stderr }: ToolError): boolean {
  return /No chain\/target\/match by that name|is incompatible, use 'nft' tool/.test(stderr)
}

function parseRules(lines: readonly string[]): ChainRule[] {
  return lines
    .filter((line) => line.startsWith('-A '))
    .map((line) => {
      const [, chain = '', ...rule] = splitWords(line)
      return { chain, rule }
    })
}
