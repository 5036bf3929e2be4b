/**
 * Delegation (CNI specification, section 4): a plugin calls another one by name. When the file
 * that CNI_PATH gives for that name is this very executable, the plugin is called in the process
 * at hand; anything else is executed. Results and errors are the same either way.
 */
import { statSync } from 'node:fs'
import { execute, type ExecuteOptions, type Execution } from '../base/exec.ts'
import { stage } from '../base/stage.ts'
import type { Call, Reply } from './call.ts'
import { checkReply, decodeAnswer } from './delegate-reply.ts'
import { findPlugin } from './find-plugin.ts'
import type { Delegate, PluginCommand, Request } from './plugin.ts'

/** The runtime gives a whole chain about two minutes; delegates that take longer hang. */
const defaultTimeoutMs = 80_000

/** What a delegate gets at least when others have used up the time: one that takes back, say. */
const leastTimeoutMs = 10_000

/** A program that is being replaced right now cannot be started for a moment. */
const busyRetries = 6
const busyDelayMs = 500

export interface DelegateHost {
  /** Whether the file is the executable that is running. */
  isSelf(file: string): boolean
  /** Serves a call of one of our own plugins, or returns undefined when none has this name. */
  dispatch(type: string, call: Call): Reply | undefined
  /**
   * So many milliseconds all delegates of a request have together: 80 000 when left out. Then the
   * one that is running is killed, and any that comes behind it after 10 s.
   */
  readonly timeoutMs?: number
  /** Milliseconds since the epoch. */
  now(): number
  writeStderr(text: string): void
  sleep(ms: number): void
}

/** The delegation of a process. */
export function createDelegate(host: DelegateHost): Delegate {
  const timeoutOf = createTimeouts(host)
  const serve = (command: PluginCommand, type: string, request: Request, stdin: string) => {
    const env = { ...request.env, CNI_COMMAND: command }
    const file = findPlugin(type, request.path)
    const own = host.isSelf(file) ? host.dispatch(type, { env, readStdin: () => stdin }) : undefined
    const reply =
      own === undefined
        ? executePlugin(host, file, { env, input: stdin, timeoutMs: timeoutOf(request) })
        : asExecution(own)
    return checkReply(type, reply)
  }
  const call: typeof serve = (command, type, ...rest) =>
    stage(`${command} of ${type}`, () => serve(command, type, ...rest))
  return {
    add: (type, request, stdin) =>
      decodeAnswer(type, call('ADD', type, request, stdin), request.conf.cniVersion),
    run: (command, type, request, stdin) => {
      call(command, type, request, stdin)
    },
  }
}

/** Whether two paths are one file. */
export function isSameFile(a: string, b: string): boolean {
  const [first, second] = [a, b].map((file) =>
    statSync(file, { bigint: true, throwIfNoEntry: false }),
  )
  return first !== undefined && first.dev === second?.dev && first.ino === second.ino
}

/** The reply of a call in this process as if it had been executed. */
function asExecution({ exitCode, stdout }: Reply): Execution {
  const failure = { text: `exit status ${exitCode}` }
  return { stdout, stderr: '', ...(exitCode !== 0 && { failure }) }
}

/** Says how long the next delegate of a request may take, in ms. */
function createTimeouts({ timeoutMs = defaultTimeoutMs, now }: DelegateHost) {
  const starts = new WeakMap<Request, number>()
  return (request: Request): number => {
    const start = starts.get(request) ?? now()
    starts.set(request, start)
    return timeLeft(timeoutMs, now() - start)
  }
}

/** How long a delegate may take, in ms, when `spentMs` have passed since the first one began. */
export function timeLeft(timeoutMs: number, spentMs: number): number {
  const left = Math.min(timeoutMs, timeoutMs - spentMs) // the clock may have been set back
  return Math.max(left, Math.min(timeoutMs, leastTimeoutMs))
}

function executePlugin(host: DelegateHost, file: string, options: ExecuteOptions): Execution {
  for (let attempt = 0; ; attempt++) {
    const execution = execute(file, [], options)
    if (execution.failure?.code === 'ETXTBSY' && attempt < busyRetries) {
      host.sleep(busyDelayMs)
      continue
    }
    if (execution.stderr !== '') host.writeStderr(execution.stderr)
    return execution
  }
}
