/** CNI_ARGS: pairs `K=V;K2=V2` that a runtime passes on (CNI conventions, "CNI_ARGS"). */
import { errorText } from '../base/errors.ts'
import { CniError, ErrorCode } from './errors.ts'

/** How the value of each known key is read; what a parser throws becomes part of the error. */
export type ArgParsers<T> = { readonly [K in keyof T]-?: (value: string) => T[K] }

/**
 * Every plugin of a chain sees the same CNI_ARGS: what host-local and bridge know is accepted by
 * both.
 */
const sharedKeys = ['IgnoreUnknown', 'IP', 'MAC']

/**
 * Parses CNI_ARGS into the values of the known keys, which are matched in their exact case; an
 * empty value counts as absent. Throws a `CniError` with code 4 for what is no pair, for a value
 * that its parser refuses, and for unknown keys unless `IgnoreUnknown` is true.
 */
export function parseCniArgs<T extends object>(text: string, parsers: ArgParsers<T>): Partial<T> {
  const values: Partial<T> = {}
  const unknown: string[] = []
  let ignoreUnknown = false
  for (const pair of text === '' ? [] : text.split(';')) {
    const [key, value] = splitPair(pair)
    if (key === 'IgnoreUnknown') {
      ignoreUnknown = parseValue(pair, value, parseBoolean)
    } else if (isKnown(parsers, key)) {
      if (value !== '') values[key] = parseValue(pair, value, parsers[key])
    } else if (!sharedKeys.includes(key)) {
      unknown.push(pair)
    }
  }
  if (unknown.length > 0 && !ignoreUnknown) throw unknownArgs(unknown, Object.keys(parsers))
  return values
}

function splitPair(pair: string): [key: string, value: string] {
  const [key, value, more] = pair.split('=')
  if (key === undefined || value === undefined || more !== undefined) {
    throw invalid(`invalid pair ${JSON.stringify(pair)}`, 'CNI_ARGS must read KEY=VALUE;KEY=VALUE')
  }
  return [key, value]
}

function isKnown<T extends object>(parsers: ArgParsers<T>, key: PropertyKey): key is keyof T {
  return Object.hasOwn(parsers, key)
}

function parseValue<V>(pair: string, value: string, parse: (value: string) => V): V {
  try {
    return parse(value)
  } catch (error) {
    throw invalid(
      `error parsing value of pair ${JSON.stringify(pair)}: ${errorText(error)}`,
      'correct it in the CNI_ARGS that the runtime passes',
    )
  }
}

function parseBoolean(text: string): boolean {
  const word = text.toLowerCase()
  if (word === '1' || word === 'true') return true
  if (word === '0' || word === 'false') return false
  throw new Error(`boolean unmarshal error: invalid input ${text}`)
}

function unknownArgs(pairs: readonly string[], keys: readonly string[]): CniError {
  const known = [...new Set([...sharedKeys, ...keys])].join(', ')
  return invalid(
    `unknown args [${pairs.map((pair) => JSON.stringify(pair)).join(' ')}]`,
    `known are ${known}; add IgnoreUnknown=1 to CNI_ARGS to have others ignored`,
  )
}

function invalid(problem: string, details: string): CniError {
  return new CniError(ErrorCode.invalidEnvironment, `ARGS: ${problem}`, details)
}
