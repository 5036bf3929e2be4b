/** The server of a resident contestant. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inside } from '../lab/run.ts'

/** Of the server and the processes that it keeps, in bytes. */
export interface Memory {
  readonly resident: number
  /** The part that is not of files, which no other process could share. */
  readonly anonymous: number
}

/** How long it may take to start, in ms. */
const startLimit = 20_000

export class Server {
  readonly socket: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, socket: string) {
    this.#child = child
    this.socket = socket
  }

  /** Starts it in the network namespace at the path `netns`; it is stopped with the scope. */
  static async start(
    executable: string,
    netns: string,
    dir: string,
    scope: AsyncDisposableStack,
  ): Promise<Server> {
    const socket = join(dir, 'cni.sock')
    const [program = '', ...args] = inside(netns, [executable, 'serve', '--socket', socket])
    const log = join(dir, 'server.log')
    const logFile = openSync(log, 'w')
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', logFile], cwd: '/' })
    closeSync(logFile)
    const server = new Server(child, socket)
    scope.defer(() => server.#stop())
    const deadline = Date.now() + startLimit
    while (!existsSync(socket)) {
      if (child.exitCode !== null || Date.now() > deadline) {
        throw new Error(`${executable} serve does not listen: ${readFileSync(log, 'utf8')}`)
      }
      await sleep(20)
    }
    return server
  }

  async #stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }

  /** The process and its descendants. */
  processes(): number[] {
    const { pid } = this.#child
    return pid === undefined ? [] : [pid, ...descendants(pid)]
  }

  /**
   * CPU time of the programs that it has run and waited for, in ms. The kernel counts it in steps
   * of 10 ms (proc_pid_stat(5), cutime and cstime).
   */
  programsMs(): number {
    const ticks = this.processes().map((pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ')
      return Number(fields?.[13]) + Number(fields?.[14])
    })
    return ticks.reduce((total, each) => total + each * 10, 0)
  }

  memory(): Memory {
    const statuses = this.processes().map((pid) => readFileSync(`/proc/${pid}/status`, 'latin1'))
    const total = (key: string) =>
      statuses
        .map((text) => Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024)
        .reduce((a, b) => a + b, 0)
    return { resident: total('VmRSS'), anonymous: total('RssAnon') }
  }
}

function descendants(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  const pids = children.split(' ').filter((text) => text !== '')
  return pids.map(Number).flatMap((child) => [child, ...descendants(child)])
}
