/** Child processes: the only file that starts one. */
import { getBuiltinModule } from 'node:process'
import type { Environment } from './environment.ts'
import { errnoText } from './errno.ts'
import { hasCode } from './errors.ts'
import { stage } from './stage.ts'

export interface Execution {
  readonly stdout: string
  readonly stderr: string
  /** Absent when the process ended well; else how it ended, or why it could not be started. */
  readonly failure?: ExecutionFailure
}

export interface ExecutionFailure {
  /** `exit status 1`, `signal: killed`, or `fork/exec <path>: <reason>`, as Go words them. */
  readonly text: string
  /** The errno's name when the process could not be started, `ETIMEDOUT` or `ENOBUFS` when it was stopped. */
  readonly code?: string
  /** Why the process was stopped from here. */
  readonly details?: string
}

export interface ExecuteOptions {
  readonly input: string
  readonly env: Environment
  /** After so many milliseconds the process is killed. */
  readonly timeoutMs: number
}

/** More than this on stdout or stderr, in bytes, ends the process. */
const maxOutput = 16 * 1024 * 1024

/** So many characters of a command line stand in the name of its stage. */
const maxShown = 120

/** Runs a program to its end, `input` on its stdin. Never throws for what the program does. */
export function execute(file: string, args: readonly string[], options: ExecuteOptions): Execution {
  const command = [file, ...args].join(' ').slice(0, maxShown)
  return stage(`running ${command}`, () => runToEnd(file, args, options))
}

function runToEnd(file: string, args: readonly string[], options: ExecuteOptions): Execution {
  // Loaded when needed: it takes longer to load than most calls to run.
  const { spawnSync } = getBuiltinModule('node:child_process')
  const { stdout, stderr, status, signal, ...rest } = spawnSync(file, args, {
    input: options.input,
    env: { ...options.env },
    timeout: options.timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: maxOutput,
    encoding: 'utf8',
  })
  // A program may end without reading its stdin; how it ended is what counts.
  const error = hasCode(rest.error, 'EPIPE') ? undefined : rest.error
  const output = { stdout: stdout ?? '', stderr: stderr ?? '' }
  if (error === undefined && status === 0) return output
  return { ...output, failure: stopped(error, options) ?? ended(file, status, signal, error) }
}

/** How a process ended that was killed from here; undefined when none was. */
function stopped(error: unknown, { timeoutMs }: ExecuteOptions): ExecutionFailure | undefined {
  const text = 'signal: killed'
  if (hasCode(error, 'ETIMEDOUT')) {
    const details = `it did not end within ${timeoutMs / 1000} s and was killed`
    return { text, code: 'ETIMEDOUT', details }
  }
  if (hasCode(error, 'ENOBUFS')) {
    const details = `it wrote more than ${maxOutput} bytes and was killed`
    return { text, code: 'ENOBUFS', details }
  }
  return undefined
}

function ended(
  file: string,
  status: number | null,
  signal: string | null,
  error: NodeJS.ErrnoException | undefined,
): ExecutionFailure {
  if (error?.code !== undefined) {
    const reason = errnoText(Math.abs(error.errno ?? 0))
    return { text: `fork/exec ${file}: ${reason}`, code: error.code }
  }
  if (signal !== null) return { text: `signal: ${signal === 'SIGKILL' ? 'killed' : signal}` }
  return { text: `exit status ${status}` }
}
