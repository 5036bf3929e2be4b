/** Delegation (CNI specification, section 4): a plugin calls another one by name. */
import { stage } from '../base/stage.ts'
import { findPlugin } from './find-plugin.ts'
import type { Delegate, PluginCommand, Request } from './plugin.ts'
import type { Result } from './result.ts'

/** A call of a delegate. */
export interface Delegation {
  readonly command: PluginCommand
  /** The delegate's name. */
  readonly type: string
  /** Its executable. */
  readonly file: string
  /** The call of the plugin that delegates. */
  readonly request: Request
  /** The delegate's configuration. */
  readonly stdin: string
}

/**
 * Calls a delegate. Returns the result of an ADD, and an empty one for the other commands. Throws
 * what `Delegate` does.
 */
export type CallDelegate = (delegation: Delegation) => Result

/** Delegation by `call` to what CNI_PATH has for a name. */
export function createDelegate(call: CallDelegate): Delegate {
  const delegate = (command: PluginCommand, type: string, request: Request, stdin: string) =>
    stage(`${command} of ${type}`, () =>
      call({ command, type, file: findPlugin(type, request.path), request, stdin }),
    )
  return {
    add: (type, request, stdin) => delegate('ADD', type, request, stdin),
    run: (command, type, request, stdin) => {
      delegate(command, type, request, stdin)
    },
  }
}
