/** The threads of the resident server, each with the whole program in it. */
import { readlinkSync } from 'node:fs'
import { getBuiltinModule } from 'node:process'
import type { MessagePort, Worker } from 'node:worker_threads'
import { unshare } from '../lib/linux/libc.ts'

/** The argument that makes the entry of the executable serve calls in a thread. */
export const threadArgument = 'serve-calls'

/**
 * Starts a thread, with the niceness of nice(2), that runs the entry of this program, `entry` when
 * that is a file. The packaged executable has no file: there a thread runs the launcher that the
 * executable itself starts with.
 */
export function startThread(entry: string, niceness: number): Worker {
  const { Worker } = getBuiltinModule('node:worker_threads')
  const sea = getBuiltinModule('node:sea')
  const argv = [threadArgument, String(niceness)]
  const options = { env: {}, resourceLimits: { maxYoungGenerationSizeMb: 2 } }
  return sea.isSea()
    ? new Worker(sea.getAsset('launcher', 'utf8'), { ...options, eval: true, argv })
    : new Worker(entry, { ...options, argv })
}

/**
 * Gives the calling thread a working directory of its own, which `chdir` of lib/linux/libc.ts then
 * changes. Node takes all threads to be where the first one is; `path.resolve` asks it.
 */
export function separateFolder(): void {
  const CLONE_FS = 0x200 // linux/sched.h
  unshare(CLONE_FS)
  process.cwd = () => readlinkSync('/proc/thread-self/cwd')
}

/** The port to whoever started this thread; null in the first thread of a process. */
export function portOfThread(): MessagePort | null {
  return getBuiltinModule('node:worker_threads').parentPort
}
