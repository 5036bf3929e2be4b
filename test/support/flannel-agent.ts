/** The node agent as a process on the node of a test: started, stopped, killed, and what it says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { binDir } from '../../scripts/lab/executables.ts'
import type { Node, Scope } from '../../scripts/lab/node.ts'
import { inside } from '../../scripts/lab/run.ts'
import { eventually } from './eventually.ts'
import { subnetFile } from './flannel-node.ts'

/** How it ended. */
export interface AgentEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export class FlannelAgent {
  readonly #node: Node
  readonly #flags: readonly string[]
  #process: ChildProcess | undefined
  #ended: Promise<AgentEnd> = Promise.resolve({ code: null, signal: null })
  #log = ''

  /** One that is started later; it is killed with the scope. */
  constructor(
    scope: Scope & { teardown(end: () => Promise<void>): void },
    node: Node,
    flags: readonly string[],
  ) {
    this.#node = node
    this.#flags = [`--subnet-file=${subnetFile(node)}`, ...flags]
    scope.teardown(async () => void (await this.end('SIGKILL')))
  }

  /** What it has said since it was started last. */
  get log(): string {
    return this.#log
  }

  /** The lines of its log that a pattern is found in. */
  lines(pattern: RegExp): string[] {
    return this.#log.split('\n').filter((line) => pattern.test(line))
  }

  get isRunning(): boolean {
    return this.#process !== undefined
  }

  /** The command line, as it is run on the node. */
  get argv(): string[] {
    return [join(binDir(), 'flanneld'), ...this.#flags]
  }

  /** Starts it, without waiting for anything; `more` are further flags. */
  launch(...more: string[]): void {
    if (this.#process !== undefined) throw new Error('the agent runs already')
    const [program = '', ...args] = inside(this.#node.netns, [...this.argv, ...more])
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#process = child
    this.#log = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#log += text))
    this.#ended = once(child, 'close').then(([code, signal]) => {
      this.#process = undefined
      return { code, signal }
    })
  }

  /** Starts it, and resolves when it has written its file and follows the others. */
  async start(...more: string[]): Promise<void> {
    this.launch(...more)
    await this.says(/Running backend/)
  }

  /**
   * Waits for a line of its log, behind so many characters; rejects with all of it when the agent
   * ends before.
   */
  async says(pattern: RegExp, from = 0): Promise<void> {
    const said = () => pattern.test(this.#log.slice(from))
    await eventually(`${pattern} in the log`, () => said() || !this.isRunning).catch(
      (error: unknown) => {
        throw new Error(`not said: ${pattern}: ${this.#log.slice(from)}`, { cause: error })
      },
    )
    if (!said()) throw new Error(`the agent has ended: ${this.#log}`)
  }

  /** Sends it a signal, and resolves when it has ended. */
  async end(signal: NodeJS.Signals): Promise<AgentEnd> {
    this.#process?.kill(signal)
    return this.ended()
  }

  /** Resolves when it has ended by itself. */
  ended(): Promise<AgentEnd> {
    return this.#ended
  }

  /** What it wrote for the plugins; empty for nothing. */
  get subnetEnv(): string {
    const path = subnetFile(this.#node)
    return existsSync(path) ? readFileSync(path, 'utf8') : ''
  }
}
