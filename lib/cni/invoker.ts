/** How a runtime reaches plugins: by their names, one call at a time. */
import type { Environment } from '../base/environment.ts'
import { findPlugin } from './find-plugin.ts'
import { parseNetConf } from './net-conf.ts'
import type { Delegate, PluginCommand, Request } from './plugin.ts'
import { buildRequest } from './request.ts'
import type { Result } from './result.ts'

export interface PluginCall {
  /** The plugin's name. */
  readonly type: string
  /** The whole environment of the plugin but for CNI_COMMAND. */
  readonly env: Environment
  readonly stdin: string
}

export interface Invoker {
  /** Throws a `CniError` unless the colon-separated directories of `path` have the plugin. */
  find(type: string, path: string): void
  /** Calls a plugin with ADD; throws its error, or one that says why it could not be called. */
  add(call: PluginCall): Result
  /** The same for the commands that have no result. */
  run(command: Exclude<PluginCommand, 'ADD'>, call: PluginCall): void
}

/** Reaches plugins in the way that a plugin reaches its delegates. */
export function createInvoker(delegate: Delegate): Invoker {
  return {
    find: findPlugin,
    add: (call) => delegate.add(call.type, toRequest('ADD', call), call.stdin),
    run: (command, call) => {
      delegate.run(command, call.type, toRequest(command, call), call.stdin)
    },
  }
}

function toRequest(command: PluginCommand, { env, stdin }: PluginCall): Request {
  return buildRequest(command, env, parseNetConf(stdin), stdin)
}
