/** nft(8): changes by whole transactions, listings as JSON. */
import { DetailedError, toDetailed } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { isStuck, ToolError, type Tools } from './node-tool.ts'

/** nft waits for nobody; only a ruleset of hundred thousands of rules takes seconds. */
const timeoutMs = 20_000

/** Comments of tables, which the transactions here use, came with this version. */
const oldestVersion = [1, 0, 1] as const

/** A rule as listed; `expr` holds its statements as nft's JSON has them (libnftables-json(5)). */
export interface NftRule {
  readonly chain: string
  readonly handle: number
  /** Empty when the rule has none. */
  readonly comment: string
  readonly expr: readonly unknown[]
}

/**
 * Carries out a transaction in nft's own language, one command in a line: all of it or nothing.
 * Throws a `DetailedError` with nft's own words.
 */
export function nftRun(tools: Tools, transaction: string): void {
  run(tools, ['-f', '-'], transaction)
}

/**
 * The same with commands as JSON, libnftables-json(5), for names that nft's language has no quotes
 * for. They go by the command line: for JSON nft opens /dev/stdin, which cannot be a socket.
 */
export function nftRunJson(tools: Tools, commands: readonly unknown[]): void {
  run(tools, ['-j', JSON.stringify({ nftables: commands })], '')
}

/** The rules of a chain in their order; none when there is no such chain. */
export function nftListChain(
  tools: Tools,
  family: string,
  table: string,
  chain: string,
): NftRule[] {
  return list(tools, ['list', 'chain', family, table, chain])
}

/** The rules of all chains of a table; none when there is no such table. */
export function nftListTable(tools: Tools, family: string, table: string): NftRule[] {
  return list(tools, ['list', 'table', family, table])
}

/**
 * What keeps nft from being used here, as an error with the remedy; undefined when nothing does.
 * Throws a `DetailedError` when nft did not end: that says nothing about what it can do.
 */
export function nftProblem(tools: Tools): DetailedError | undefined {
  try {
    checkVersion(run(tools, ['--version'], ''))
    run(tools, ['--check', '-f', '-'], 'add table ip cni_usability_check\n')
    return undefined
  } catch (error) {
    if (isStuck(error)) throw error
    return toDetailed(error)
  }
}

/** Text between double quotes in nft's language, which has no way to write a quote or a newline. */
export function nftQuote(text: string): string {
  return `"${text.replaceAll(/["\n]/g, '')}"`
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

function list(tools: Tools, args: readonly string[]): NftRule[] {
  let stdout: string
  try {
    stdout = run(tools, ['-j', ...args], '')
  } catch (error) {
    if (error instanceof ToolError && isAbsent(error)) return []
    throw error
  }
  return parseRules(stdout)
}

/** nft has one exit status for all failures; it prints the errno's text, in English. */
function isAbsent({ stderr }: ToolError): boolean {
  return /^Error: (?:Could not process rule: )?No such file or directory/m.test(stderr)
}

function parseRules(json: string): NftRule[] {
  const document: unknown = JSON.parse(json)
  const objects = isObject(document) ? document['nftables'] : undefined
  if (!Array.isArray(objects)) throw unreadable(json)
  return objects.flatMap((object: unknown) => {
    const rule = isObject(object) ? object['rule'] : undefined
    if (!isObject(rule)) return []
    const { chain, handle, comment = '', expr } = rule
    const known = typeof chain === 'string' && typeof handle === 'number'
    if (!known || typeof comment !== 'string' || !Array.isArray(expr)) throw unreadable(json)
    return [{ chain, handle, comment, expr }]
  })
}

function unreadable(json: string): DetailedError {
  return new DetailedError(
    'nft listed its rules in an unknown form',
    `expected the JSON of libnftables-json(5), found ${json.slice(0, 200)}`,
  )
}

function checkVersion(output: string): void {
  const found = /v(\d+)\.(\d+)(?:\.(\d+))?/
    .exec(output)
    ?.slice(1)
    .map((part) => Number(part ?? 0))
  if (found !== undefined && compareVersions(found, oldestVersion) >= 0) return
  throw new DetailedError(
    `nft is too old: ${output.trim()}`,
    `expected version ${oldestVersion.join('.')} or newer`,
  )
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  const index = b.findIndex((part, i) => a[i] !== part)
  return index < 0 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}
