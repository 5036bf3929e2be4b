/** The host of plugins in this process, and of a process that serves one call. */
import { errorText } from '../base/errors.ts'
import { isSameFile } from '../base/same-file.ts'
import { stage, type Stage } from '../base/stage.ts'
import { readStamp } from '../base/stamp.ts'
import { version } from '../base/version.ts'
import { randomBytes } from '../linux/libc.ts'
import { readAll, writeAll } from '../linux/stdio.ts'
import { createDelegate } from './delegate.ts'
import { executing } from './executed-delegate.ts'
import type { Host } from './host.ts'
import { serveCall } from './interrupted.ts'
import { callingOwn } from './own-delegate.ts'
import type { Plugin } from './plugin.ts'
import { TimeLimits } from './time-limits.ts'

/**
 * A runtime writes stdin at once; one that takes longer will never close it. Configurations have a
 * few hundred bytes.
 */
export const stdinLimits = { timeoutMs: 10_000, maxBytes: 16 * 1024 * 1024 }

/** Serves the call that this process was started for, and ends the process. */
export function runProcess(plugin: Plugin, plugins: readonly Plugin[]): never {
  const host = createProcessHost(plugins)
  const readStdin = () => stage('reading stdin', () => readAll(0, stdinLimits))
  const writeStdout = (text: string) => {
    try {
      stage('writing the result', () => writeAll(1, text))
    } catch (error) {
      // Without its answer the runtime must not take the call for served.
      host.writeStderr(`${plugin.name}: writing to stdout: ${errorText(error)}\n`)
      exitNow(1)
    }
  }
  exitNow(serveCall(plugin, { env: process.env, readStdin, writeStdout }, host))
}

/** The host of plugins whose diagnostics go to stderr. */
export function createProcessHost(plugins: readonly Plugin[]): Host {
  const loadedMs = elapsed()
  const writeStderr = (text: string) => {
    try {
      writeAll(2, text)
    } catch {
      // diagnostics that cannot be written must not keep a pod from its network
    }
  }
  return createHost(plugins, writeStderr, { startStages: () => startStages(loadedMs) })
}

/**
 * The stages of the start of the process, whose program was loaded at `loadedMs` by `elapsed`. It
 * takes a millisecond, since Node loads `performance` when it is asked for.
 */
function startStages(loadedMs: number): Stage[] {
  const { bootstrapComplete } = performance.nodeTiming
  const originMs = elapsed() - performance.now()
  const bootedMs = originMs + bootstrapComplete
  return [
    { name: 'start of Node', depth: 0, beginMs: originMs, tookMs: bootstrapComplete },
    { name: 'loading the plugins', depth: 0, beginMs: bootedMs, tookMs: loadedMs - bootedMs },
  ]
}

/** Milliseconds of CLOCK_MONOTONIC, which is never set. */
export function elapsed(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** Blocks the calling thread for so many milliseconds. */
export function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

/** The host that plugins have in this process, with these `parts`. */
export function createHost(
  plugins: readonly Plugin[],
  writeStderr: Host['writeStderr'],
  parts: Pick<Host, 'startStages'>,
): Host {
  const now = () => Date.now()
  const timeLimits = new TimeLimits(now)
  const isSelf = (file: string) => isSameFile(file, process.execPath) || readStamp(file) === version
  const own = { plugins, isSelf, timeLimits }
  const host: Host = {
    version,
    writeStderr,
    randomBytes,
    now,
    elapsed,
    sleep,
    delegate: createDelegate((delegation) => call(delegation)),
    ...parts,
  }
  const call = callingOwn(own, host, executing({ timeLimits, writeStderr, sleep }))
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
