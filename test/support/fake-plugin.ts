/** A plugin and a host for tests of the protocol around them. */
import type { Call, ExitCode } from '../../lib/cni/call.ts'
import { dispatch } from '../../lib/cni/dispatch.ts'
import type { Host } from '../../lib/cni/host.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import { emptyResult, type Result } from '../../lib/cni/result.ts'
import { contextOf } from './request.ts'

/** What a fake plugin does; what is left out succeeds with nothing. */
export interface Behaviour {
  readonly add?: (request: Request, context: Context) => Result
  readonly run?: (request: Request, context: Context) => void
}

export interface Reply {
  readonly exitCode: ExitCode
  readonly stdout: string
}

/** The reply of a plugin to one call. */
export function replyOf(plugin: Plugin, call: Omit<Call, 'writeStdout'>, host: Host): Reply {
  let stdout = ''
  const writeStdout = (text: string) => {
    stdout += text
  }
  const exitCode = dispatch(plugin, { ...call, writeStdout }, host)
  return { exitCode, stdout }
}

export interface Recorded {
  readonly requests: Request[]
  stderr: string
  reads: number
}

/** Serves one call of a fake plugin, all of whose commands are recorded. */
export function serve(
  env: Call['env'],
  stdin: string | Error,
  { add = () => emptyResult, run = () => undefined }: Behaviour = {},
): Reply & Recorded {
  const recorded: Recorded = { requests: [], stderr: '', reads: 0 }
  const record =
    <T>(work: (request: Request, context: Context) => T) =>
    (request: Request, context: Context) => {
      recorded.requests.push(request)
      return work(request, context)
    }
  const plugin: Plugin = {
    name: 'fake',
    add: record(add),
    del: record(run),
    check: record(run),
    status: record(run),
    gc: record(run),
  }
  const readStdin = () => {
    recorded.reads++
    if (stdin instanceof Error) throw stdin
    return stdin
  }
  return { ...replyOf(plugin, { env, readStdin }, hostOf(recorded)), ...recorded }
}

function hostOf(recorded: Recorded): Host {
  const writeStderr = (text: string) => {
    recorded.stderr += text
  }
  return { ...contextOf(), version: '1.2.3', writeStderr }
}
