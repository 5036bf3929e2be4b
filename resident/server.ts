/** The resident server: it takes calls from fronts on a Unix socket, and has threads serve them. */
import type { Server, Socket } from 'node:net'
import { getBuiltinModule } from 'node:process'
import { errorText } from '../lib/base/errors.ts'
import { elapsed, stdinLimits } from '../lib/cni/host-process.ts'
import { readsStdin } from '../lib/cni/parameters.ts'
import { admitPeer, type Surroundings } from './peer.ts'
import {
  type CallHead,
  declined,
  decodeHead,
  decodeStdin,
  encodeAnswer,
  greeting,
} from './protocol.ts'
import type { Outcome, ThreadPool } from './thread-pool.ts'

/** What has become of calls. */
export type Tally = Record<'served' | 'declined' | 'lost', number>

export interface ServerOptions {
  readonly version: string
  readonly pool: ThreadPool
  readonly surroundings: Surroundings
  /** So many connections may be open. */
  readonly maxConnections: number
  /** Counts what has become of calls. */
  readonly tally: Tally
  readonly say: (line: string) => void
}

/** What has come of a call. */
interface Incoming {
  readonly bytes: Buffer
  /** Undefined when its stdin has not begun. */
  readonly head: CallHead | undefined
  /** Whether a plugin would read stdin; unknown calls count as such. */
  readonly needsStdin: boolean
  /** Why stdin is not all there. */
  readonly problem?: string
}

/** A call that is larger than this, in bytes, is for a process of its own. */
const maxBytes = 1024 * 1024

/** A server that is not listening yet. */
export function createServer(options: ServerOptions): Server {
  const net = getBuiltinModule('node:net')
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    // A front that has been killed resets its connection; whoever killed it knows.
    socket.on('error', () => socket.destroy())
    serveConnection(socket, options).catch((error: unknown) => {
      options.say(`a connection failed: ${errorText(error)}`)
      socket.destroy()
    })
  })
  server.maxConnections = options.maxConnections
  return server
}

async function serveConnection(socket: Socket, options: ServerOptions): Promise<void> {
  const pid = admit(socket, options)
  if (pid === undefined) return decline(socket, options)
  socket.write(greeting(options.version))
  const { bytes, head, needsStdin, problem } = await receive(socket)
  // A front that waited too long for the greeting, or somebody who only asks for it.
  if (bytes.length === 0) return end(socket, declined)
  if (head === undefined || bytes.length > maxBytes) return decline(socket, options)
  const { stdin, isWhole } = decodeStdin(bytes.subarray(head.length))
  if (needsStdin && !isWhole && problem === undefined) return decline(socket, options)
  const { name, env } = head
  const outcome = await options.pool.serve({
    name,
    env,
    stdin: stdin.toString('utf8'),
    ...(problem !== undefined && { stdinProblem: problem }),
    pid,
    receivedMs: elapsed(),
  })
  answer(socket, outcome, options)
}

function answer(socket: Socket, outcome: Outcome, options: ServerOptions): void {
  const { say, tally } = options
  if (outcome === 'lost') {
    tally.lost++
    socket.destroy()
  } else if (outcome === 'declined') {
    decline(socket, options)
  } else {
    tally.served++
    if (outcome.stderr !== '') say(outcome.stderr.trimEnd())
    end(socket, encodeAnswer(outcome))
  }
}

function decline(socket: Socket, { tally }: ServerOptions): void {
  tally.declined++
  end(socket, declined)
}

function end(socket: Socket, bytes: Buffer | string): void {
  // A front that does not read its answer must not keep the connection.
  socket.setTimeout(stdinLimits.timeoutMs, () => socket.destroy())
  socket.end(bytes)
  socket.resume()
}

/** The PID of the front, unless its call is not for this server. */
function admit(socket: Socket, { surroundings, say }: ServerOptions): number | undefined {
  try {
    return admitPeer(fileDescriptor(socket), surroundings)
  } catch (error) {
    say(`declined a call: ${errorText(error)}`)
    return undefined
  }
}

/** The types do not declare it, and nothing else tells who is at the other end. */
function fileDescriptor(socket: Socket): number {
  const { _handle } = socket as unknown as { readonly _handle?: { readonly fd?: number } }
  if (_handle?.fd === undefined || _handle.fd < 0) throw new Error('it has ended already')
  return _handle.fd
}

/**
 * Reads until the front shuts its side down, or longer than a plugin would wait, or past `maxBytes`;
 * of a call that needs no stdin, only what comes before that.
 */
function receive(socket: Socket): Promise<Incoming> {
  const { timeoutMs } = stdinLimits
  let bytes = Buffer.alloc(0)
  let head: CallHead | undefined
  let needsStdin = true
  return new Promise((resolve) => {
    const stop = (problem?: string) => {
      socket.setTimeout(0)
      socket.removeAllListeners('data')
      resolve({ bytes, head, needsStdin, ...(problem !== undefined && { problem }) })
    }
    socket.setTimeout(timeoutMs, () => stop(`not closed within ${timeoutMs / 1000} s`))
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk])
      if (head === undefined) {
        head = decodeHead(bytes)
        needsStdin = head === undefined || readsStdin(head.env)
      }
      if (!needsStdin || bytes.length > maxBytes) stop()
    })
    socket.once('end', () => stop())
    socket.once('close', () => stop())
  })
}
