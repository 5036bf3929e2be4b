/** Delegates as processes of their own. */
import { execute, type ExecuteOptions, type Execution } from '../base/exec.ts'
import { checkReply, decodeAnswer } from './delegate-reply.ts'
import type { CallDelegate } from './delegate.ts'
import { emptyResult } from './result.ts'
import type { TimeLimits } from './time-limits.ts'

/** A program that is being replaced right now cannot be started for a moment. */
const busyRetries = 6
const busyDelayMs = 500

export interface ExecutionHost {
  readonly timeLimits: TimeLimits
  writeStderr(text: string): void
  /** Blocks the calling thread for so many milliseconds. */
  sleep(ms: number): void
}

/** Executes delegates, each for as long as it may take, and passes on what they write on stderr. */
export function executing(host: ExecutionHost): CallDelegate {
  return ({ command, type, file, request, stdin }) => {
    const env = { ...request.env, CNI_COMMAND: command }
    const timeoutMs = host.timeLimits.next(request)
    const stdout = checkReply(type, executePlugin(host, file, { env, input: stdin, timeoutMs }))
    return command === 'ADD' ? decodeAnswer(type, stdout, request.conf.cniVersion) : emptyResult
  }
}

function executePlugin(host: ExecutionHost, file: string, options: ExecuteOptions): Execution {
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
