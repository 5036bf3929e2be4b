/** The keys that every network configuration has (CNI specification, section 1). */
import { isObject } from '../base/json.ts'
import { CniError, ErrorCode } from './errors.ts'
import { checkNetworkName } from './names.ts'
import { parseJson } from './parse-json.ts'
import { canonicalize } from './schema.ts'

/** A configuration before its version is negotiated. */
export interface UncheckedNetConf {
  readonly name: string
  readonly cniVersion: string
  readonly [key: string]: unknown
}

const baseSchema = { properties: { cniVersion: {}, name: {}, type: {}, prevResult: {}, log: {} } }

/** JSON nested deeper than this is an attack: configurations have less than ten levels. */
const maxDepth = 200

const prefix = 'error unmarshall network config: '
const expected = 'stdin must hold one JSON object, the network configuration'

/**
 * Parses stdin into a configuration. Throws a `CniError`: code 6 for what is no JSON object, code
 * 7 for a missing or malformed network name.
 */
export function parseNetConf(stdin: string): UncheckedNetConf {
  const value = parseJson(stdin, prefix, expected)
  if (isDeeperThan(maxDepth, value)) throw undecodable(`nested deeper than ${maxDepth} levels`)
  const conf = canonicalize(baseSchema, value)
  if (!isObject(conf)) throw undecodable(`expected an object, found ${typeName(conf)}`)
  const { name = '', cniVersion = '', ...rest } = conf
  if (typeof name !== 'string') throw undecodable(`name must be a string, found ${typeName(name)}`)
  if (typeof cniVersion !== 'string') {
    throw undecodable(`cniVersion must be a string, found ${typeName(cniVersion)}`)
  }
  if (name === '') {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      'missing network name',
      'the network configuration needs a "name"',
    )
  }
  checkNetworkName(name)
  return { ...rest, name, cniVersion }
}

function isDeeperThan(depth: number, value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((item) => isDeeperThan(depth - 1, item))
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function undecodable(problem: string): CniError {
  return new CniError(ErrorCode.decodingFailure, `${prefix}${problem}`, expected)
}
