/** What a runtime keeps of an attachment, in the form that the Go library keeps it. */
import { encodeJson, isObject, sortKeys } from '../base/json.ts'
import type { CniArg, RuntimeAttachment } from '../cni/attachment.ts'
import { CniError, ErrorCode } from '../cni/errors.ts'
import { parseJson } from '../cni/parse-json.ts'
import { decodeResult } from '../cni/result-decode.ts'
import { resultToJson } from '../cni/result-encode.ts'
import type { Result } from '../cni/result.ts'
import { defaultVersion, type Version } from '../cni/versions.ts'

const kind = 'cniCacheV1'

/**
 * The JSON of an entry: keys in the order of Go's type `cachedInfo` (libcni/api.go), the last four
 * left out when empty. `source` is the configuration list as it was read.
 */
export function encodeEntry(
  attachment: RuntimeAttachment,
  source: string,
  result: Result,
  version: Version,
): string {
  const { network, containerId, ifName, netns, args, capabilityArgs } = attachment
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
  const value = parseJson(text, 'decoding version from network config: ')
  const isEntry = isObject(value) && value['kind'] === kind
  return decodeResult(isEntry ? (value['result'] ?? {}) : value, defaultVersion).result
}

/** The attachment of an entry; throws a `CniError` when the text does not name one. */
export function decodeEntry(text: string): RuntimeAttachment {
  const value = parseJson(text, '')
  if (!isObject(value) || value['kind'] !== kind) {
    throw unnamed(`expected an object with "kind": ${JSON.stringify(kind)}`)
  }
  const { containerId, ifName, networkName, netns = '', cniArgs, capabilityArgs } = value
  if (typeof containerId !== 'string' || typeof ifName !== 'string') {
    throw unnamed('containerId and ifName must be strings')
  }
  if (typeof networkName !== 'string' || typeof netns !== 'string') {
    throw unnamed('networkName and netns must be strings')
  }
  const args = Array.isArray(cniArgs) ? cniArgs.filter(isArg) : []
  const data = isObject(capabilityArgs) ? capabilityArgs : {}
  return { network: networkName, containerId, netns, ifName, args, capabilityArgs: data }
}

function isArg(value: unknown): value is CniArg {
  return Array.isArray(value) && value.length === 2 && value.every((x) => typeof x === 'string')
}

function unnamed(problem: string): CniError {
  return new CniError(ErrorCode.decodingFailure, problem)
}
