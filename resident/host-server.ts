/** The host of the resident server: a process that serves calls until it is told to stop. */
import { getPriority, setPriority } from 'node:os'
import { getBuiltinModule } from 'node:process'
import { errorText } from '../lib/base/errors.ts'
import { openAio } from '../lib/linux/aio.ts'
import { keepHeapSmall, trimHeap } from '../lib/linux/libc.ts'
import { writeAll } from '../lib/linux/stdio.ts'
import { listen } from './listen.ts'
import { surroundingsOf } from './peer.ts'
import { Reaper } from './reaper.ts'
import { createServer, type Tally } from './server.ts'
import { ThreadPool } from './thread-pool.ts'
import { startThread } from './thread.ts'

export interface ResidentOptions {
  /** The path of the socket. */
  readonly socket: string
  readonly version: string
  /** The file that a thread runs; unused in the packaged executable. */
  readonly entry: string
  /** A thread beyond the first two ends when it has had no call for so many milliseconds. */
  readonly maxIdleMs?: number
}

/**
 * Two threads serve 1.25 times the ADDs that one does: they share the kernel's lock of all that is
 * about networks (RTNL), and each takes 15 MB. More are for calls that wait for somebody else: a
 * delegate that is executed, a firewall program, a lock.
 */
const threads = { minThreads: 2, maxThreads: 8, growMs: 500 }

/**
 * Flags of V8 for threads: their work is short, and the optimizing compiler takes as long for it as
 * it saves, and 7 MB.
 */
const threadFlags = ['--no-turbofan', '--optimize-for-size']

/** When V8 compiles what runs often, it takes 10 MB for a moment, which malloc would keep. */
const trimMs = 2_000

/**
 * Serves calls on a socket until SIGTERM or SIGINT. Resolves when the calls that are at work then
 * are done. Throws a `CniError` when it cannot listen.
 */
export async function runServer(options: ResidentOptions): Promise<void> {
  const { socket, version, entry, maxIdleMs = 60_000 } = options
  const say = (line: string) => writeAll(2, `cni serve: ${line}\n`)
  keepHeapSmall()
  for (const flag of threadFlags) getBuiltinModule('node:v8').setFlagsFromString(flag)
  const niceness = getPriority()
  favourThisThread(niceness, say)
  const reaper = new Reaper(openAio())
  const pool = new ThreadPool({
    startThread: () => startThread(entry, niceness),
    takeOver: (left) => reaper.add(left),
    ...threads,
    maxIdleMs,
    maxWaiting: 1024,
    maxWaitMs: 10_000,
    say,
  })
  const tally = { served: 0, declined: 0, lost: 0 }
  const server = createServer({
    tally,
    version,
    pool,
    surroundings: surroundingsOf('self'),
    maxConnections: 1100,
    say,
  })
  const stop = new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  await listen(server, socket)
  const trimming = trimRegularly(tally)
  say(`version ${version} listens on ${socket}`)
  await stop
  say('stopping: calls at work are finished, all others are declined')
  pool.declineAll()
  await new Promise((resolve) => server.close(resolve))
  clearInterval(trimming)
  const { served, declined, lost } = tally
  say(`stopped: ${served} calls served, ${declined} declined, ${lost} lost`)
}

/** Gives back memory that is free after calls have been served. */
function trimRegularly(tally: Readonly<Tally>): NodeJS.Timeout {
  let served = 0
  return setInterval(() => {
    if (tally.served === served) return
    served = tally.served
    trimHeap()
  }, trimMs)
}

/** On a machine that is busy with pods a greeting by a thread like any other would come too late. */
function favourThisThread(niceness: number, say: (line: string) => void): void {
  try {
    setPriority(Math.max(niceness - 10, -20))
  } catch (error) {
    say(`without CAP_SYS_NICE it is slow on a busy machine: ${errorText(error)}`)
  }
}
