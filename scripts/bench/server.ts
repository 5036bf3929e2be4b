/** The server of a resident contestant. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Node } from '../lab/node.ts'
import { inside } from '../lab/run.ts'
import { sum } from './statistics.ts'
import type { Values } from './table.ts'

/** How long it may take to start, in ms. */
const startLimit = 20_000

export class Server {
  readonly socket: string
  readonly #child: ChildProcess
  readonly #log: string

  private constructor(child: ChildProcess, socket: string, log: string) {
    this.#child = child
    this.socket = socket
    this.#log = log
  }

  /** Starts it on the node; it is stopped with the scope. */
  static async start(
    executable: string,
    { netns, dir }: Node,
    scope: AsyncDisposableStack,
  ): Promise<Server> {
    const socket = join(dir, 'cni.sock')
    const [program = '', ...args] = inside(netns, [executable, 'serve', '--socket', socket])
    const log = join(dir, 'server.log') // a pipe's reader would need a processor while it works
    const logFile = openSync(log, 'w')
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', logFile], cwd: '/' })
    closeSync(logFile)
    const ended = once(child, 'exit')
    scope.defer(async () => {
      child.kill('SIGTERM')
      await ended
    })
    const server = new Server(child, socket, log)
    const deadline = Date.now() + startLimit
    while (!existsSync(socket)) {
      if (Date.now() > deadline)
        throw new Error(`no server listens on ${socket} after ${startLimit} ms`)
      server.processes()
      await sleep(20)
    }
    return server
  }

  /** The process and its descendants. Throws with what it has said when it has ended. */
  processes(): number[] {
    const { pid, exitCode, signalCode } = this.#child
    if (pid !== undefined && exitCode === null && signalCode === null) return withDescendants(pid)
    const said = readFileSync(this.#log, 'utf8')
    throw new Error(`the server on ${this.socket} ended by ${signalCode ?? exitCode}: ${said}`)
  }

  /**
   * CPU time of the programs that it has run and waited for, in ms. The kernel counts it in steps
   * of 10 ms (proc_pid_stat(5), cutime and cstime).
   */
  programsMs(): number {
    const ticks = this.#read('stat').map((text) => {
      const fields = text.split(') ').at(-1)?.split(' ')
      return Number(fields?.[13]) + Number(fields?.[14])
    })
    return 10 * sum(ticks)
  }

  /** All its memory, and the part that is not of files, which no other process could share. */
  memory(): Values {
    const statuses = this.#read('status')
    const total = (key: string) => {
      const pattern = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm')
      return sum(statuses.map((text) => Number(pattern.exec(text)?.[1]))) * 1.024e-3
    }
    return { 'resident MB': total('VmRSS'), 'anonymous MB': total('RssAnon') }
  }

  #read(file: string): string[] {
    return this.processes().map((pid) => readFileSync(`/proc/${pid}/${file}`, 'latin1'))
  }
}

function withDescendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').match(/\d+/g) ?? []
  return [pid, ...children.map(Number).flatMap(withDescendants)]
}
