/** The host of the resident server: a process that serves calls until it is told to stop. */
import { availableParallelism } from 'node:os'
import { writeAll } from '../stdio.ts'
import { listen } from './listen.ts'
import { surroundingsOf } from './peer.ts'
import { createServer } from './server.ts'
import { startThread } from './thread.ts'
import { ThreadPool } from './thread-pool.ts'

export interface ResidentOptions {
  /** The path of the socket. */
  readonly socket: string
  readonly version: string
  /** The file that a thread runs; unused in the packaged executable. */
  readonly entry: string
}

/** Half of the time of an ADD or DEL is the kernel's, and more threads take more memory. */
const maxThreads = Math.min(4, Math.max(2, 2 * availableParallelism()))

/**
 * Serves calls on a socket until SIGTERM or SIGINT. Resolves when the calls that are at work then
 * are done. Throws a `CniError` when it cannot listen.
 */
export async function runServer({ socket, version, entry }: ResidentOptions): Promise<void> {
  const say = (line: string) => writeAll(2, `cni serve: ${line}\n`)
  const pool = new ThreadPool({
    startThread: () => startThread(entry),
    maxThreads,
    maxIdleMs: 60_000,
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
  await listen(server, socket)
  say(`version ${version} listens on ${socket}`)
  await new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  say('stopping: calls at work are finished, all others are declined')
  pool.declineAll()
  await new Promise((resolve) => server.close(resolve))
  const { served, declined, lost } = tally
  say(`stopped: ${served} calls served, ${declined} declined, ${lost} lost`)
}
