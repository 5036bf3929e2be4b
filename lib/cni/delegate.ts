/**
 * Delegation (CNI specification, section 4): a plugin calls another one by name. When the file
 * that CNI_PATH gives for that name is this very executable, the plugin is called in the process
 * at hand; anything else is executed. Results and errors are the same either way.
 */
import { statSync } from 'node:fs'
import { execute, type ExecutionFailure } from '../exec.ts'
import type { Call, Reply } from './call.ts'
import { CniError, ErrorCode, errorText, withPrefix } from './errors.ts'
import { findPlugin } from './find-plugin.ts'
import { isObject } from './json.ts'
import type { Delegate, Environment, PluginCommand, Request } from './plugin.ts'
import { emptyResult, type Result } from './result.ts'
import { decodeResult } from './result-decode.ts'

/** The runtime gives a whole chain about two minutes; a delegate that takes longer hangs. */
const defaultTimeoutMs = 90_000

/** A program that is being replaced right now cannot be started for a moment. */
const busyRetries = 6
const busyDelayMs = 500

export interface DelegateHost {
  /** Whether the file is the executable that is running. */
  isSelf(file: string): boolean
  /** Serves a call of one of our own plugins, or returns undefined when none has this name. */
  dispatch(type: string, call: Call): Reply | undefined
  /** After so many milliseconds a delegate is killed: 90 000 when left out. */
  readonly timeoutMs?: number
  writeStderr(text: string): void
  sleep(ms: number): void
}

/** The delegation of a process. */
export function createDelegate(host: DelegateHost): Delegate {
  const call = (command: PluginCommand, type: string, request: Request, stdin: string) => {
    const env = { ...request.env, CNI_COMMAND: command }
    const file = findPlugin(type, request.path)
    const own = host.isSelf(file) ? host.dispatch(type, { env, readStdin: () => stdin }) : undefined
    return own === undefined
      ? executePlugin(host, type, file, env, stdin)
      : checkReply(type, own.stdout, '', own.exitCode === 0 ? undefined : { text: 'exit status 1' })
  }
  return {
    add: (type, request, stdin) => decodeAnswer(call('ADD', type, request, stdin), request),
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

function executePlugin(
  host: DelegateHost,
  type: string,
  file: string,
  env: Environment,
  stdin: string,
): string {
  const { timeoutMs = defaultTimeoutMs } = host
  for (let attempt = 0; ; attempt++) {
    const { stdout, stderr, failure } = execute(file, [], { input: stdin, env, timeoutMs })
    if (failure?.code === 'ETXTBSY' && attempt < busyRetries) {
      host.sleep(busyDelayMs)
      continue
    }
    if (stderr !== '') host.writeStderr(stderr)
    return checkReply(type, stdout, stderr, failure)
  }
}

/** The stdout of a delegate that succeeded; throws what one that failed has to say. */
function checkReply(
  type: string,
  stdout: string,
  stderr: string,
  failure: ExecutionFailure | undefined,
): string {
  if (failure === undefined) return stdout
  const { code, message, details } = delegateError(stdout, stderr, failure)
  throw new CniError(code, message, details === '' ? `in ${type}` : `${details}; in ${type}`)
}

function delegateError(stdout: string, stderr: string, failure: ExecutionFailure): CniError {
  if (failure.code === 'ETIMEDOUT') {
    return new CniError(
      ErrorCode.unknown,
      `netplugin failed with no error message: ${failure.text}`,
      failure.details,
    )
  }
  if (stdout === '') {
    const text =
      stderr === '' ? ` with no error message: ${failure.text}` : `: ${JSON.stringify(stderr)}`
    return new CniError(ErrorCode.unknown, `netplugin failed${text}`)
  }
  try {
    return decodeError(JSON.parse(stdout))
  } catch (error) {
    return new CniError(
      ErrorCode.unknown,
      'netplugin failed but error parsing its diagnostic message ' +
        `${JSON.stringify(stdout)}: ${errorText(error)}`,
    )
  }
}

function decodeError(value: unknown): CniError {
  if (!isObject(value)) throw new TypeError('expected an error object')
  const { code = 0, msg = '', details = '' } = value
  if (typeof code !== 'number' || typeof msg !== 'string' || typeof details !== 'string') {
    throw new TypeError('expected code to be a number, msg and details to be strings')
  }
  return new CniError(code, msg, details)
}

function decodeAnswer(stdout: string, request: Request): Result {
  return withPrefix('failed to unmarshal raw result: ', () => {
    let value: unknown
    try {
      value = JSON.parse(stdout)
    } catch (error) {
      throw new CniError(
        ErrorCode.internal,
        errorText(error),
        `the delegate printed ${JSON.stringify(stdout.slice(0, 200))} instead of a result`,
      )
    }
    return value === null ? emptyResult : decodeResult(value, request.conf.cniVersion).result
  })
}
