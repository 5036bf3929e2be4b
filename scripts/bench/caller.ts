/** The process that makes the calls: caller.c, compiled when it is needed. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { inside, runSync } from '../lab/run.ts'
import { decodeOutcome, encodeWork, type Outcome, type Work } from './jobs.ts'

const source = join(import.meta.dirname, 'caller.c')

/** When the caller is killed, plugins that it has called still run: a call ends within this, in ms. */
const endMs = 500

export class Caller {
  /** The folder of the benchmark. */
  readonly dir: string
  readonly #file: string
  readonly #signal: AbortSignal

  /** Compiles the program into the folder `dir`. `signal` ends whatever runs then. */
  constructor(dir: string, signal: AbortSignal) {
    this.#file = join(dir, 'caller')
    this.dir = dir
    this.#signal = signal
    runSync(['cc', '-O2', '-pthread', '-o', this.#file, source])
  }

  /**
   * Does the work in the network namespace at the path `netns`, which is entered once for all of it.
   * `wrapper` is the command line of a program that runs it, such as strace. Throws with what a plugin
   * said when a job fails.
   */
  async run(netns: string, work: Work, wrapper: readonly string[] = []): Promise<Outcome> {
    const [program = '', ...args] = inside(netns, [...wrapper, this.#file])
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'inherit'],
      signal: this.#signal,
    })
    child.stdin.on('error', () => {}) // its exit status says why it did not read everything
    child.stdin.end(encodeWork(work))
    const [output, [status]] = await Promise.all([
      buffer(child.stdout),
      once(child, 'close'),
    ]).catch(async (error: unknown) => {
      await sleep(endMs)
      throw error
    })
    if (status !== 0) throw new Error(`${this.#file} ended with exit status ${status}`)
    const outcome = decodeOutcome(output)
    const failed = outcome.jobs.find((job) => job.status !== 0)
    if (failed === undefined) return outcome
    throw new Error(`a plugin ended with wait status ${failed.status}: ${failed.output}`)
  }
}
