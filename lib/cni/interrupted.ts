/** Calls that another process has begun and not ended. */
import { errorText } from '../base/errors.ts'
import type { Call, ExitCode } from './call.ts'
import { dispatch } from './dispatch.ts'
import type { Host } from './host.ts'
import { commandOf } from './parameters.ts'
import type { Plugin } from './plugin.ts'

/** The variable by which resident/front.c says that the resident server died over the call. */
export const interruptedVariable = 'FLANNEL_CNI_INTERRUPTED'

/**
 * Serves a call, also one that was begun before. Nobody knows how far an ADD came, and of what it
 * did a plugin would say that it is there already: so it is removed first, as a runtime would.
 * Every other command can be repeated as it is.
 */
export function serveCall(plugin: Plugin, call: Call, host: Host): ExitCode {
  const { [interruptedVariable]: interrupted, ...env } = call.env
  if (interrupted !== '1' || commandOf(env) !== 'ADD') {
    return dispatch(plugin, { ...call, env }, host)
  }
  const readStdin = readOnce(call)
  let answer = ''
  const writeStdout = (text: string) => {
    answer += text
  }
  const removal = { env: { ...env, CNI_COMMAND: 'DEL' }, readStdin, writeStdout }
  if (dispatch(plugin, removal, host) !== 0) {
    host.writeStderr(`${plugin.name}: removing what an interrupted ADD left: ${answer}\n`)
  }
  return dispatch(plugin, { ...call, env, readStdin }, host)
}

/** stdin for several readers: what the first one gets, or fails with, all get. */
function readOnce(call: Call): () => string {
  let read: (() => string) | undefined
  return () => {
    read ??= attempt(() => call.readStdin())
    return read()
  }
}

function attempt(work: () => string): () => string {
  try {
    const text = work()
    return () => text
  } catch (error) {
    return () => {
      throw new Error(errorText(error), { cause: error })
    }
  }
}
