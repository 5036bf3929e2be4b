/**
 * Delegates that are plugins of this executable: they are called in the process at hand, and the
 * result or the error is what a process would have given, without ever being text.
 */
import { errorIn } from './delegate-reply.ts'
import type { CallDelegate, Delegation } from './delegate.ts'
import { toCniError } from './errors.ts'
import type { Host } from './host.ts'
import { checkNetns, isChecked } from './netns-guard.ts'
import { checkParameters } from './parameters.ts'
import type { Plugin } from './plugin.ts'
import { resultIn } from './result-version.ts'
import { emptyResult, type Result } from './result.ts'
import { delegatedRequest, openTrace, readRequest, serve } from './serve.ts'
import type { TimeLimits } from './time-limits.ts'

export interface OwnPlugins {
  readonly plugins: readonly Plugin[]
  /** Whether the file is the executable that is running. */
  isSelf(file: string): boolean
  readonly timeLimits: TimeLimits
}

/** Calls own plugins in this process, `host` being theirs, and all others by `otherwise`. */
export function callingOwn(own: OwnPlugins, host: Host, otherwise: CallDelegate): CallDelegate {
  return (delegation) => {
    const { file, type } = delegation
    const plugin = own.isSelf(file) ? own.plugins.find(({ name }) => name === type) : undefined
    if (plugin === undefined) return otherwise(delegation)
    try {
      return callPlugin(plugin, delegation, own.timeLimits, host)
    } catch (error) {
      throw errorIn(type, toCniError(error))
    }
  }
}

function callPlugin(
  plugin: Plugin,
  { command, request: outer, stdin }: Delegation,
  timeLimits: TimeLimits,
  host: Host,
): Result {
  const env = { ...outer.env, CNI_COMMAND: command }
  using trace = openTrace(plugin, env, host)
  checkParameters(env)
  const request = readRequest(() => delegatedRequest(outer, command, env, stdin), trace)
  // What a caller is checked for, its delegates have the same answer to.
  if (!isChecked(outer)) checkNetns(request)
  timeLimits.inherit(request, outer)
  const result = serve(plugin, request, host)
  return result === undefined ? emptyResult : resultIn(request.conf.cniVersion, result)
}
