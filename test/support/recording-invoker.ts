import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Invoker, PluginCall } from '../../lib/cni/invoker.ts'
import type { PluginCommand } from '../../lib/cni/plugin.ts'
import { emptyResult, type Result } from '../../lib/cni/result.ts'

export interface RecordedCall extends PluginCall {
  readonly command: PluginCommand
}

/** Plugins that do nothing but what a test tells them. */
export interface Behaviour {
  /** Plugins that cannot be found. */
  readonly missing?: readonly string[]
  /** `type COMMAND` by what that call throws. */
  readonly failures?: Readonly<Record<string, CniError>>
  /** What ADD answers. */
  readonly result?: Result
}

/** An invoker that records every call, also those that fail. */
export class RecordingInvoker implements Invoker {
  readonly calls: RecordedCall[] = []
  latest: readonly RecordedCall[] = []
  behaviour: Behaviour

  constructor(behaviour: Behaviour = {}) {
    this.behaviour = behaviour
  }

  find(type: string, path: string): void {
    if (this.behaviour.missing?.includes(type)) {
      throw new CniError(ErrorCode.internal, `failed to find plugin "${type}" in path [${path}]`)
    }
  }

  add(call: PluginCall): Result {
    this.#record('ADD', call)
    return this.behaviour.result ?? emptyResult
  }

  run(command: PluginCommand, call: PluginCall): void {
    this.#record(command, call)
  }

  #record(command: PluginCommand, call: PluginCall): void {
    this.calls.push({ command, ...call })
    const failure = this.behaviour.failures?.[`${call.type} ${command}`]
    if (failure !== undefined) throw failure
  }

  /** `type COMMAND` of every call since the last time; the calls themselves are in `latest`. */
  take(): string[] {
    this.latest = this.calls.splice(0)
    return this.latest.map(({ type, command }) => `${type} ${command}`)
  }
}
