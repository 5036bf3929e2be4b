/** The host of a plugin executable: one process serves one call. */
import { readSync, writeSync } from 'node:fs'
import { randomBytes, waitReadable } from '../net/libc.ts'
import { version } from '../version.ts'
import { createDelegate, isSameFile } from './delegate.ts'
import { dispatch } from './dispatch.ts'
import { CniError, ErrorCode, hasCode } from './errors.ts'
import type { Host } from './host.ts'
import type { Plugin } from './plugin.ts'

/** A runtime writes stdin at once; one that takes longer will never close it. */
const stdinTimeoutMs = 10_000

/** Configurations have a few hundred bytes; one with more than this is refused. */
const maxStdinBytes = 16 * 1024 * 1024

/** Serves the call that this process was started for, and ends the process. */
export function runProcess(plugin: Plugin, plugins: readonly Plugin[]): never {
  const host = createProcessHost(plugins)
  const { stdout, exitCode } = dispatch(plugin, { env: process.env, readStdin }, host)
  writeAll(1, stdout)
  exitNow(exitCode)
}

/** The host that plugins have in this process. */
export function createProcessHost(plugins: readonly Plugin[]): Host {
  const writeStderr = (text: string) => writeAll(2, text)
  const sleepCell = new Int32Array(new SharedArrayBuffer(4))
  const sleep = (ms: number) => {
    Atomics.wait(sleepCell, 0, 0, ms)
  }
  const host: Host = {
    version,
    writeStderr,
    randomBytes,
    now: () => Date.now(),
    sleep,
    delegate: createDelegate({
      isSelf: (file) => isSameFile(file, process.execPath),
      dispatch: (type, call) => {
        const plugin = plugins.find(({ name }) => name === type)
        return plugin === undefined ? undefined : dispatch(plugin, call, host)
      },
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

function readStdin(): string {
  const chunks: Uint8Array[] = []
  let total = 0
  const deadline = Date.now() + stdinTimeoutMs
  for (;;) {
    if (!waitReadable(0, Math.max(0, deadline - Date.now()))) {
      throw new CniError(ErrorCode.ioFailure, `not closed within ${stdinTimeoutMs / 1000} s`)
    }
    const chunk = Buffer.allocUnsafe(64 * 1024)
    const length = readSync(0, chunk)
    if (length === 0) return Buffer.concat(chunks).toString('utf8')
    chunks.push(chunk.subarray(0, length))
    total += length
    if (total > maxStdinBytes) {
      throw new CniError(ErrorCode.ioFailure, `more than ${maxStdinBytes} bytes`)
    }
  }
}

/** Writes all of the text. A reader that has gone away is not an error: nobody is there to tell. */
export function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if (hasCode(error, 'EPIPE', 'EBADF')) return
      // A pipe that the caller made non-blocking and that is full: it is being read.
      if (!hasCode(error, 'EAGAIN')) throw error
    }
  }
}
