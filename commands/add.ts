/** `cni add`: attaches a network namespace, as a runtime does for a pod. */
import { errorText } from '../lib/base/errors.ts'
import type { RuntimeAttachment } from '../lib/cni/attachment.ts'
import { attemptAll } from '../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, toCniError } from '../lib/cni/errors.ts'
import { encodeResult } from '../lib/cni/result-encode.ts'
import type { NetworkConfigList } from '../lib/libcni/conf-list.ts'
import { addNetworkList, delNetworkList, type Runtime, validateAdd } from '../lib/libcni/runtime.ts'
import { requireNetns } from './node/netns.ts'

/**
 * Attaches, and returns the result as it stands on stdout. What a failed ADD did is taken back, and the error says so: a
 * person has no runtime that would delete it later.
 */
export function add(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): string {
  const version = validateAdd(runtime, list, attachment)
  requireNetns(attachment.netns)
  requireUnattached(runtime, list, attachment)
  try {
    return `${encodeResult(addNetworkList(runtime, list, attachment), version)}\n`
  } catch (error) {
    const { code, message, details } = toCniError(error)
    const outcome = takeBack(runtime, list, attachment)
    const text = details === '' ? outcome : `${details}; ${outcome}`
    throw new CniError(code, message, text, { cause: error })
  }
}

/** A second ADD would fail in the middle, and taking it back would remove what the first made. */
function requireUnattached(
  { cache }: Runtime,
  list: NetworkConfigList,
  wanted: RuntimeAttachment,
): void {
  const { name } = list
  if (cache.find(wanted) === undefined) return
  const { netns, ifName } = wanted
  throw new CniError(
    ErrorCode.invalidEnvironment,
    `${netns} is attached to network ${JSON.stringify(name)} as ${ifName} already`,
    `remove that first: cni del ${name} ${netns} -i ${ifName}`,
  )
}

/** Calls every plugin with DEL, also when one of them fails, and says how that went. */
function takeBack(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): string {
  const deletions = list.plugins.toReversed().map((plugin) => () => {
    delNetworkList(runtime, { ...list, plugins: [plugin] }, attachment)
  })
  try {
    attemptAll(deletions)
    return 'what had been done was removed again'
  } catch (error) {
    return `removing what had been done failed too: ${errorText(error)}`
  }
}
