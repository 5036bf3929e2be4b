/** What a runtime keeps of an attachment, in the form that the Go library keeps it. */
import type { Attachment, CniArg } from './attachment.ts'
import { CniError, ErrorCode, errorText, withPrefix } from './errors.ts'
import { encodeJson, isObject, sortKeys } from './json.ts'
import type { Result } from './result.ts'
import { decodeResult } from './result-decode.ts'
import { resultToJson } from './result-encode.ts'
import { defaultVersion, type Version } from './versions.ts'

export interface CacheEntry {
  readonly network: string
  readonly attachment: Attachment
}

const kind = 'cniCacheV1'

/**
 * The JSON of an entry: keys in the order of Go's type `cachedInfo` (libcni/api.go), the last four
 * left out when empty. `source` is the configuration list as it was read.
 */
export function encodeEntry(
  { network, attachment }: CacheEntry,
  source: string,
  result: Result,
  version: Version,
): string {
  const { containerId, ifName, netns, args, capabilityArgs } = attachment
  return encodeJson({
    kind,
    containerId,
    config: Buffer.from(source).toString('base64'),
    ifName,
    networkName: network,
    ...(netns !== '' && { netns }),
    ...(args.length > 0 && { cniArgs: args }),
    ...(Object.keys(capabilityArgs).length > 0 && { capabilityArgs: sortKeys(capabilityArgs) }),
    result: sortKeys(resultToJson(result, version)),
  })
}

/**
 * The result in an entry; runtimes before the Go library's version 0.8 kept the bare result.
 * Throws a `CniError` that says what is wrong with it.
 */
export function decodeCachedResult(text: string): Result {
  const value = parse(text)
  const isEntry = isObject(value) && value['kind'] === kind
  return decodeResult(isEntry ? (value['result'] ?? {}) : value, defaultVersion).result
}

function parse(text: string): unknown {
  return withPrefix('decoding version from network config: ', () => {
    try {
      return JSON.parse(text) as unknown
    } catch (error) {
      throw new CniError(ErrorCode.decodingFailure, errorText(error))
    }
  })
}

/** The attachment of an entry, or undefined when the text is no entry that names one. */
export function decodeEntry(text: string): CacheEntry | undefined {
  const value = parse(text)
  if (!isObject(value) || value['kind'] !== kind) return undefined
  const { containerId, ifName, networkName, netns = '', cniArgs, capabilityArgs } = value
  if (typeof containerId !== 'string' || typeof ifName !== 'string') return undefined
  if (typeof networkName !== 'string' || typeof netns !== 'string') return undefined
  const args = Array.isArray(cniArgs) ? cniArgs.filter(isArg) : []
  const data = isObject(capabilityArgs) ? capabilityArgs : {}
  return {
    network: networkName,
    attachment: { containerId, netns, ifName, args, capabilityArgs: data },
  }
}

function isArg(value: unknown): value is CniArg {
  return Array.isArray(value) && value.length === 2 && value.every((x) => typeof x === 'string')
}
