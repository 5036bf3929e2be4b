/** One plugin of a network configuration list, and what it receives on stdin. */
import { encodeJson, isObject, sortKeys } from '../base/json.ts'
import type { Attachment } from '../cni/attachment.ts'
import { CniError, ErrorCode } from '../cni/errors.ts'
import { canonicalize } from '../cni/schema.ts'
import { validAttachmentsKeys } from '../cni/valid-attachments.ts'

export interface PluginConf {
  readonly type: string
  /** The configuration's own name, or empty; on stdin the list's name stands. */
  readonly name: string
  /** The configuration's own version, or empty; on stdin the list's version stands. */
  readonly cniVersion: string
  /** The capabilities that the configuration sets true. */
  readonly capabilities: readonly string[]
  /** The configuration as written. */
  readonly conf: Readonly<Record<string, unknown>>
}

/** What a runtime adds to a plugin's configuration; a missing key adds nothing. */
export interface Injection {
  /** The result as JSON, in the version of the list. */
  readonly prevResult?: Readonly<Record<string, unknown>> | undefined
  /** Data by capability; a plugin gets what its capabilities name. */
  readonly capabilityArgs?: Readonly<Record<string, unknown>>
  /** The attachments that GC has to keep. */
  readonly validAttachments?: readonly Attachment[]
}

const knownKeys = { properties: { type: {}, name: {}, cniVersion: {}, capabilities: {} } }

/** Reads one plugin's configuration; throws a `CniError` with code 7 that names the key. */
export function parsePluginConf(value: unknown): PluginConf {
  if (!isObject(value)) throw invalid(`expected an object, found ${JSON.stringify(value)}`)
  const known = canonicalize(knownKeys, value) as Record<string, unknown> // an object stays one
  const type = textOf(known, 'type')
  if (type === '') throw invalid("missing 'type'")
  return {
    type,
    name: textOf(known, 'name'),
    cniVersion: textOf(known, 'cniVersion'),
    capabilities: capabilitiesOf(known['capabilities'] ?? {}),
    conf: value,
  }
}

function textOf(conf: Record<string, unknown>, key: string): string {
  const value = conf[key] ?? ''
  if (typeof value === 'string') return value
  throw invalid(`'${key}' must be a string, found ${JSON.stringify(value)}`)
}

function capabilitiesOf(value: unknown): string[] {
  if (!isObject(value)) {
    throw invalid(`'capabilities' must be an object, found ${JSON.stringify(value)}`)
  }
  const entries = Object.entries(value).filter(([, enabled]) => enabled !== null)
  for (const [key, enabled] of entries) {
    if (typeof enabled === 'boolean') continue
    throw invalid(`'capabilities.${key}' must be true or false, found ${JSON.stringify(enabled)}`)
  }
  return entries.filter(([, enabled]) => enabled === true).map(([key]) => key)
}

function invalid(problem: string): CniError {
  return new CniError(
    ErrorCode.invalidNetworkConfig,
    `error parsing configuration: ${problem}`,
    'a plugin configuration is an object whose "type" is the name of the plugin\'s executable',
  )
}

/**
 * The stdin of a plugin: its configuration with the name and version of its list and what the
 * runtime adds, keys sorted (CNI specification, section 3 "Deriving request configuration").
 */
export function pluginStdin(
  plugin: PluginConf,
  list: { readonly name: string; readonly cniVersion: string },
  { prevResult, capabilityArgs = {}, validAttachments }: Injection,
): string {
  const runtimeConfig = Object.fromEntries(
    Object.entries(capabilityArgs).filter(([key]) => plugin.capabilities.includes(key)),
  )
  const injected = {
    name: list.name,
    cniVersion: list.cniVersion,
    ...(prevResult && { prevResult }),
    ...(Object.keys(runtimeConfig).length > 0 && { runtimeConfig }),
    ...(validAttachments && validAttachmentsJson(validAttachments)),
  }
  return encodeJson(sortKeys({ ...plugin.conf, ...injected }))
}

/** The list under both names that plugins know it by. */
function validAttachmentsJson(attachments: readonly Attachment[]) {
  const list = attachments.map(({ containerId, ifName }) => ({
    containerID: containerId,
    ifname: ifName,
  }))
  return Object.fromEntries(validAttachmentsKeys.map((key) => [key, list]))
}

/** How messages name a plugin: `type="bridge"`, and its own name where it has one. */
export function describePlugin({ type, name }: PluginConf): string {
  const suffix = name === '' ? '' : ` name=${JSON.stringify(name)}`
  return `type=${JSON.stringify(type)}${suffix}`
}
