/** A resident server on the node of a test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Node } from '../../scripts/lab/node.ts'
import { inside } from '../../scripts/lab/run.ts'

const source = join(import.meta.dirname, 'resident-end.ts')

export interface Resident {
  /** What FLANNEL_CNI_SOCKET has to be. */
  readonly socket: string
  readonly process: ChildProcess
  /** What it has said so far. */
  said(): string
  /** Kills it, and waits for its death, which takes as long as a system call that it is in. */
  kill(): Promise<void>
  /** Stops it in order, and returns its exit status. */
  stop(): Promise<number | null>
}

export interface ResidentOptions {
  /** Its socket; one of its own in a folder of its own when left out. */
  readonly socket?: string
  /** Its threads end when they are idle for so many milliseconds; it runs from source then. */
  readonly maxIdleMs?: number
}

/** Starts a server in the node's namespace, which is killed with the scope at the latest. */
export async function startResident(
  scope: { teardown(remove: () => Promise<void>): void },
  { dir, netns }: Pick<Node, 'dir' | 'netns'>,
  { socket = join(dir, 'resident/cni.sock'), maxIdleMs }: ResidentOptions = {},
): Promise<Resident> {
  const argv =
    maxIdleMs === undefined
      ? [join(binDir(), 'cni'), 'serve', '--socket', socket]
      : [process.execPath, source, socket, String(maxIdleMs)]
  const [program = '', ...args] = inside(netns, argv)
  const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const ended = once(child, 'exit')
  const resident: Resident = {
    socket,
    process: child,
    said: () => text,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    async stop() {
      child.kill('SIGTERM')
      const [code] = await ended
      return code as number | null // of the event "exit"
    },
  }
  scope.teardown(() => resident.kill())
  while (!text.includes('listens on')) {
    if (child.exitCode !== null) throw new Error(`cni serve: ${text}`)
    await setTimeout(5)
  }
  if (!existsSync(socket)) throw new Error(`cni serve listens without ${socket}: ${text}`)
  return resident
}
