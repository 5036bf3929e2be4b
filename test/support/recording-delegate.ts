import type { Delegate, PluginCommand, Request } from '../../lib/cni/plugin.ts'
import { emptyResult, type Result } from '../../lib/cni/result.ts'

/** One call of a delegate. */
export interface Delegation {
  readonly command: PluginCommand
  readonly type: string
  readonly request: Request
  readonly stdin: string
}

/** A delegate that records every call, also those that fail. */
export class RecordingDelegate implements Delegate {
  readonly calls: Delegation[] = []
  /** What a call does; it may throw. */
  behaviour: (call: Delegation) => Result

  constructor(behaviour: (call: Delegation) => Result = () => emptyResult) {
    this.behaviour = behaviour
  }

  add(type: string, request: Request, stdin: string): Result {
    return this.#call({ command: 'ADD', type, request, stdin })
  }

  run(command: PluginCommand, type: string, request: Request, stdin: string): void {
    this.#call({ command, type, request, stdin })
  }

  #call(call: Delegation): Result {
    this.calls.push(call)
    return this.behaviour(call)
  }

  /** `COMMAND type` and stdin of every call since the last time. */
  take(): [call: string, stdin: string][] {
    return this.calls.splice(0).map(({ command, type, stdin }) => [`${command} ${type}`, stdin])
  }
}
