/** The host of plugins in this process, and of a process that serves one call. */
import { randomBytes } from '../net/libc.ts'
import { waitingRemoval, type LinkRemoval } from '../net/link-removal.ts'
import { readStamp } from '../stamp.ts'
import { readAll, writeAll } from '../stdio.ts'
import { version } from '../version.ts'
import { createDelegate, isSameFile } from './delegate.ts'
import { dispatch } from './dispatch.ts'
import { errorText } from './errors.ts'
import type { Host } from './host.ts'
import { serveCall } from './interrupted.ts'
import type { Plugin } from './plugin.ts'

/**
 * A runtime writes stdin at once; one that takes longer will never close it. Configurations have a
 * few hundred bytes.
 */
export const stdinLimits = { timeoutMs: 10_000, maxBytes: 16 * 1024 * 1024 }

/** Serves the call that this process was started for, and ends the process. */
export function runProcess(plugin: Plugin, plugins: readonly Plugin[]): never {
  const host = createProcessHost(plugins)
  const readStdin = () => readAll(0, stdinLimits)
  const { stdout, exitCode } = serveCall(plugin, { env: process.env, readStdin }, host)
  try {
    writeAll(1, stdout)
  } catch (error) {
    // Without its answer the runtime must not take the call for served.
    host.writeStderr(`${plugin.name}: writing to stdout: ${errorText(error)}\n`)
    exitNow(1)
  }
  exitNow(exitCode)
}

/** The host of plugins whose diagnostics go to stderr. */
export function createProcessHost(plugins: readonly Plugin[]): Host {
  return createHost(plugins, (text) => {
    try {
      writeAll(2, text)
    } catch {
      // diagnostics that cannot be written must not keep a pod from its network
    }
  })
}

/** Blocks the calling thread for so many milliseconds. */
export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** The host that plugins have in this process. */
export function createHost(
  plugins: readonly Plugin[],
  writeStderr: Host['writeStderr'],
  linkRemoval: LinkRemoval = waitingRemoval,
): Host {
  const now = () => Date.now()
  const host: Host = {
    version,
    linkRemoval,
    writeStderr,
    randomBytes,
    now,
    sleep,
    delegate: createDelegate({
      isSelf: (file) => isSameFile(file, process.execPath) || readStamp(file) === version,
      dispatch: (type, call) => {
        const plugin = plugins.find(({ name }) => name === type)
        return plugin === undefined ? undefined : dispatch(plugin, call, host)
      },
      now,
      writeStderr,
      sleep,
    }),
  }
  return host
}

/**
 * Ends the process without Node's orderly teardown, which takes longer than the work of most
 * calls. Everything was written synchronously, and every lock is released in the scope that took
 * it.
 */
export function exitNow(exitCode: number): never {
  // reallyExit is what process.exit calls last; the types do not declare it.
  const { reallyExit } = process as unknown as { reallyExit(code: number): never }
  return reallyExit(exitCode)
}
