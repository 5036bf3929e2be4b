/**
 * What a container runtime does with a network configuration list (CNI specification, section 3
 * "Execution of Network Configurations"), in the manner of the Go library libcni.
 */
import type { Environment } from '../base/environment.ts'
import { errorText, fullText } from '../base/errors.ts'
import type { Log } from '../base/log.ts'
import {
  type Attachment,
  checkAttachment,
  formatArgs,
  isSameAttachment,
  type RuntimeAttachment,
} from '../cni/attachment.ts'
import { attemptAll } from '../cni/attempt-all.ts'
import { CniError, ErrorCode, withPrefix } from '../cni/errors.ts'
import type { Invoker } from '../cni/invoker.ts'
import { negotiateVersion } from '../cni/negotiate.ts'
import { resultToJson } from '../cni/result-encode.ts'
import { emptyResult, type Result } from '../cni/result.ts'
import { isAtLeast, type Version } from '../cni/versions.ts'
import type { AttachmentCache } from './attachment-cache.ts'
import type { NetworkConfigList } from './conf-list.ts'
import { describePlugin, type PluginConf, pluginStdin } from './plugin-conf.ts'

export interface Runtime {
  readonly invoker: Invoker
  readonly cache: AttachmentCache
  /** What plugins inherit. */
  readonly env: Environment
  /** Where plugins are searched: directories separated by colons. */
  readonly path: string
  readonly log: Log
}

/**
 * Calls every plugin of the list with ADD, each with the result of the one before it, and keeps
 * the last result in the cache. Throws a `CniError`; what the plugins before the failing one did
 * stays, and is taken back by `delNetworkList`.
 */
export function addNetworkList(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): Result {
  const version = validateAdd(runtime, list, attachment)
  const env = pluginEnv(runtime, attachment)
  const { capabilityArgs } = attachment
  let result = emptyResult
  for (const [index, plugin] of list.plugins.entries()) {
    result = withPrefix(`plugin ${describePlugin(plugin)} failed (add): `, () => {
      const prevResult = index === 0 ? undefined : resultToJson(result, version)
      const stdin = pluginStdin(plugin, list, { prevResult, capabilityArgs })
      return runtime.invoker.add({ type: plugin.type, env, stdin })
    })
  }
  withPrefix(`failed to set network ${JSON.stringify(list.name)} cached result: `, () => {
    runtime.cache.write(attachment, list.source, result, version)
  })
  return result
}

/**
 * Checks everything about an ADD that can be checked before a plugin is called: names, version,
 * and that every plugin is there. Throws a `CniError`; returns the version of the result.
 */
export function validateAdd(
  { invoker, path }: Runtime,
  { cniVersion, plugins }: NetworkConfigList,
  attachment: RuntimeAttachment,
): Version {
  checkAttachment(attachment)
  for (const plugin of plugins) {
    withPrefix(`plugin ${describePlugin(plugin)} failed (add): `, () => {
      invoker.find(plugin.type, path)
    })
  }
  return negotiateVersion('ADD', cniVersion)
}

/**
 * Calls every plugin of the list with CHECK and the cached result, unless the list disables it.
 * Throws a `CniError`: the first plugin's that fails, or one with code 1 when the list's version
 * does not have CHECK.
 */
export function checkNetworkList(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): void {
  if (!isAtLeast(list.cniVersion, '0.4.0')) {
    throw new CniError(
      ErrorCode.incompatibleVersion,
      `configuration version ${JSON.stringify(list.cniVersion)} does not support the CHECK command`,
      'set "cniVersion" of the configuration list to 0.4.0 or newer',
    )
  }
  if (list.disableCheck) return
  const prevResult = cachedResult(runtime, list, attachment)
  const env = pluginEnv(runtime, attachment)
  const { capabilityArgs } = attachment
  for (const plugin of list.plugins) {
    const stdin = pluginStdin(plugin, list, { prevResult, capabilityArgs })
    runtime.invoker.run('CHECK', { type: plugin.type, env, stdin })
  }
}

/**
 * Calls every plugin of the list with DEL, last one first and with the cached result, and forgets
 * the attachment when all succeed. Throws a `CniError` at the first that fails, so that it can be
 * tried again.
 */
export function delNetworkList(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): void {
  checkAttachment(attachment)
  // DEL has a prevResult since this version.
  const hasPrevResult = isAtLeast(list.cniVersion, '0.4.0')
  const prevResult = hasPrevResult ? usableResult(runtime, list, attachment) : undefined
  const env = pluginEnv(runtime, attachment)
  const { capabilityArgs } = attachment
  for (const plugin of list.plugins.toReversed()) {
    withPrefix(`plugin ${describePlugin(plugin)} failed (delete): `, () => {
      const stdin = pluginStdin(plugin, list, { prevResult, capabilityArgs })
      runtime.invoker.run('DEL', { type: plugin.type, env, stdin })
    })
  }
  forget(runtime, attachment)
}

/**
 * Calls every plugin of the list with STATUS; throws the first plugin's error that is not ready.
 * A list whose version does not have STATUS counts as ready.
 */
export function statusNetworkList(runtime: Runtime, list: NetworkConfigList): void {
  if (!isAtLeast(list.cniVersion, '1.1.0')) return
  const env = pluginEnv(runtime, noAttachment)
  for (const plugin of list.plugins) {
    runtime.invoker.run('STATUS', { type: plugin.type, env, stdin: pluginStdin(plugin, list, {}) })
  }
}

/**
 * Deletes the cached attachments of the network that are not in `valid`, then calls every plugin
 * with GC when the list's version has it. Everything is tried; throws one `CniError` for all that
 * failed. A list can disable it.
 */
export function gcNetworkList(
  runtime: Runtime,
  list: NetworkConfigList,
  valid: readonly Attachment[],
): void {
  if (list.disableGC) return
  const deletions = staleAttachments(runtime, list, valid).map((attachment) => () => {
    const { containerId, ifName } = attachment
    withPrefix(`failed to delete stale attachment ${containerId} ${ifName}: `, () => {
      delNetworkList(runtime, list, attachment)
    })
  })
  const called = isAtLeast(list.cniVersion, '1.1.0') ? list.plugins : []
  const collections = called.map((plugin) => () => gcPlugin(runtime, list, plugin, valid))
  attemptAll([...deletions, ...collections])
}

/** Calls one plugin of a list with GC, in the list's version. Throws a `CniError`. */
export function gcPlugin(
  runtime: Runtime,
  list: NetworkConfigList,
  plugin: PluginConf,
  valid: readonly Attachment[],
): void {
  const env = pluginEnv(runtime, noAttachment)
  withPrefix(`failed to GC plugin ${plugin.type}: `, () => {
    const stdin = pluginStdin(plugin, list, { validAttachments: valid })
    runtime.invoker.run('GC', { type: plugin.type, env, stdin })
  })
}

function staleAttachments(
  { cache, log }: Runtime,
  { name }: NetworkConfigList,
  valid: readonly Attachment[],
): RuntimeAttachment[] {
  const isValid = (cached: Attachment) => valid.some((each) => isSameAttachment(each, cached))
  const prefix = `failed to list the cached attachments of network ${JSON.stringify(name)}: `
  return withPrefix(prefix, () => {
    cache.removeGarbled(name, log)
    return cache.list(name, log).filter((cached) => !isValid(cached))
  })
}

/** The attachment of the commands that are about a whole network. */
const noAttachment: RuntimeAttachment = {
  network: '',
  containerId: '',
  netns: '',
  ifName: '',
  args: [],
  capabilityArgs: {},
}

function pluginEnv({ env, path }: Runtime, attachment: RuntimeAttachment): Environment {
  return {
    ...env,
    CNI_CONTAINERID: attachment.containerId,
    CNI_NETNS: attachment.netns,
    CNI_ARGS: formatArgs(attachment.args),
    CNI_IFNAME: attachment.ifName,
    CNI_PATH: path,
  }
}

/** The cached result in the list's version, as JSON; undefined when none is kept. */
function cachedResult({ cache }: Runtime, list: NetworkConfigList, attachment: RuntimeAttachment) {
  return withPrefix(`failed to get network ${JSON.stringify(list.name)} cached result: `, () => {
    const result = cache.readResult(attachment)
    return result && resultToJson(result, negotiateVersion('ADD', list.cniVersion))
  })
}

/** The same for DEL, which has to go on without a result that cannot be used. */
function usableResult(runtime: Runtime, list: NetworkConfigList, attachment: RuntimeAttachment) {
  try {
    return cachedResult(runtime, list, attachment)
  } catch (error) {
    runtime.log.warn(`deleting without prevResult: ${fullText(error)}`)
    forget(runtime, attachment)
    return undefined
  }
}

function forget({ cache, log }: Runtime, attachment: Attachment) {
  try {
    cache.remove(attachment)
  } catch (error) {
    const network = JSON.stringify(attachment.network)
    log.warn(`the cached result of network ${network} stays: ${errorText(error)}`)
  }
}
