/** Threads that serve calls, and the calls that wait for one. */
import type { Worker } from 'node:worker_threads'
import { CallQueue, type Keyed } from './call-queue.ts'
import type { Answer } from './protocol.ts'
import type { ThreadCall } from './worker.ts'

/** A call has not been begun, or its thread has died over it. */
export type Outcome = Answer | 'declined' | 'lost'

export interface PoolOptions {
  readonly startThread: () => Worker
  readonly threads: number
  /** So many calls may wait. */
  readonly maxWaiting: number
  /** So many milliseconds a call may wait. */
  readonly maxWaitMs: number
  readonly say: (line: string) => void
}

interface Waiting extends Keyed {
  readonly call: ThreadCall
  readonly settle: (outcome: Outcome) => void
}

export class ThreadPool {
  readonly #options: PoolOptions
  readonly #queue = new CallQueue<Waiting>()
  readonly #idle: Worker[] = []
  readonly #serving = new Map<Worker, Waiting>()
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
    for (let count = 0; count < options.threads; count++) this.#start()
  }

  /** Serves a call as soon as a thread is free for it. */
  serve(call: ThreadCall): Promise<Outcome> {
    const { maxWaiting, maxWaitMs } = this.#options
    if (this.#queue.length >= maxWaiting || this.#isClosed) {
      return Promise.resolve('declined')
    }
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        if (this.#queue.remove(waiting)) resolve('declined')
      }, maxWaitMs)
      const settle = (outcome: Outcome) => {
        clearTimeout(deadline)
        resolve(outcome)
      }
      const waiting = { key: call.env['CNI_CONTAINERID'] ?? '', call, settle }
      this.#queue.add(waiting)
      this.#next()
    })
  }

  /** Declines what waits, and all that comes. */
  declineAll(): void {
    this.#isClosed = true
    for (const { settle } of this.#queue.clear()) settle('declined')
  }

  #start(): void {
    const thread = this.#options.startThread()
    thread.on('message', (answer: Answer | undefined) => {
      this.#finish(thread, answer ?? 'declined')
      this.#idle.push(thread)
      this.#next()
    })
    thread.on('error', (error) => this.#options.say(`a thread failed: ${String(error)}`))
    thread.on('exit', () => this.#replace(thread))
    this.#idle.push(thread)
  }

  /** The call of a thread that died was begun; who knows how far it went. */
  #replace(thread: Worker): void {
    const index = this.#idle.indexOf(thread)
    if (index !== -1) this.#idle.splice(index, 1)
    this.#finish(thread, 'lost')
    // A thread that cannot live must not keep the processor busy with its successors.
    setTimeout(() => {
      this.#start()
      this.#next()
    }, 100)
  }

  #finish(thread: Worker, outcome: Outcome): void {
    const served = this.#serving.get(thread)
    if (served === undefined) return
    this.#serving.delete(thread)
    this.#queue.finish(served)
    served.settle(outcome)
  }

  #next(): void {
    while (this.#idle.length > 0) {
      const waiting = this.#queue.take()
      const thread = waiting && this.#idle.pop()
      if (waiting === undefined || thread === undefined) return
      this.#serving.set(thread, waiting)
      thread.postMessage(waiting.call)
    }
  }
}
