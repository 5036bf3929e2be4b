/** nftables by nft(8): changes by whole transactions, listings as JSON. */
import { DetailedError, toDetailed } from '../base/errors.ts'
import type { Family } from '../ip/ip.ts'
import { type Firewall, type Listing, missingFrom, type Selection } from './firewall.ts'
import { parseListing } from './nft-json-read.ts'
import { nftJson } from './nft-json-write.ts'
import { nftText, tableFamily } from './nft-write.ts'
import { isStuck, ToolError, type Tools } from './node-tool.ts'
import type { Change, TableName } from './transaction.ts'
import { isSince } from './version.ts'

/** nft waits for nobody; only a ruleset of hundred thousands of rules takes seconds. */
const timeoutMs = 20_000

/** Comments of tables, which the transactions here use, came with this version. */
const oldestVersion = [1, 0, 1] as const

/** nftables, told in nft's own language: names in it that have to be quoted are refused. */
export function nftables(tools: Tools): Firewall {
  return {
    backend: 'nftables',
    apply: (transaction) => {
      run(tools, ['-f', '-'], nftText(transaction))
    },
    list: (table, selection) => list(tools, table, selection),
    firstMissing: (table, rules) => missingFrom(list(tools, table), rules),
    problem: () => nftProblem(tools),
    canRandomizeFully: (family) => canRandomizeFully(tools, family),
  }
}

/**
 * The same for names that nft's language has no quotes for: it is told in JSON. That goes by the
 * command line: for JSON nft opens /dev/stdin, which cannot be a socket.
 */
export function nftablesOfAnyName(tools: Tools): Firewall {
  return {
    ...nftables(tools),
    apply: (transaction) => {
      run(tools, ['-j', JSON.stringify({ nftables: nftJson(transaction) })], '')
    },
  }
}

/** What keeps nft from being used here, as an error with the remedy; undefined when nothing does. */
function nftProblem(tools: Tools): DetailedError | undefined {
  try {
    checkVersion(run(tools, ['--version'], ''))
    run(tools, ['--check', '-f', '-'], 'add table ip cni_usability_check\n')
    return undefined
  } catch (error) {
    if (isStuck(error)) throw error
    return toDetailed(error)
  }
}

function run(tools: Tools, args: readonly string[], stdin: string): string {
  return tools.run({
    name: 'nft',
    args,
    stdin,
    timeoutMs,
    debianPackage: 'nftables',
    remedy: 'see what there is with: nft list ruleset',
  })
}

function list(tools: Tools, table: TableName, { chains }: Selection = {}): Listing {
  const [only, ...others] = chains ?? []
  const place = [tableFamily(table), table.name]
  const isOne = only !== undefined && others.length === 0
  const what = isOne ? ['chain', ...place, only] : ['table', ...place]
  try {
    const listing = parseListing(run(tools, ['-j', 'list', ...what], ''))
    const entries = [...listing].filter(([chain]) => chains?.includes(chain) ?? true)
    return new Map(entries)
  } catch (error) {
    if (error instanceof ToolError && isAbsent(error)) return new Map()
    throw error
  }
}

/** nft has one exit status for all failures; it prints the errno's text, in English. */
function isAbsent({ stderr }: ToolError): boolean {
  return /^Error: (?:Could not process rule: )?No such file or directory/m.test(stderr)
}

function checkVersion(output: string): void {
  if (isSince(output, oldestVersion)) return
  throw new DetailedError(
    `nft is too old: ${output.trim()}`,
    `expected version ${oldestVersion.join('.')} or newer`,
  )
}

/** The kernel is asked too: nothing is changed. */
function canRandomizeFully(tools: Tools, family: Family): boolean {
  const chain = 'postrouting'
  const hook = { type: 'nat', hook: 'postrouting', priority: 100 } as const
  const changes: Change[] = [
    { do: 'add table' },
    { do: 'add chain', chain: { name: chain, hook } },
    { do: 'add rule', chain, rule: [{ masquerade: { fullyRandom: true } }] },
  ]
  try {
    const table = { family, name: 'cni_usability_check' }
    run(tools, ['--check', '-f', '-'], nftText([{ table, changes }]))
    return true
  } catch (error) {
    if (error instanceof ToolError && !error.isStuck) return false
    throw error
  }
}
