/** Threads that serve calls, and the calls that wait for one. */
import type { Worker } from 'node:worker_threads'
import type { Sending } from '../lib/linux/aio.ts'
import { CallQueue, type Keyed } from './call-queue.ts'
import type { Answer } from './protocol.ts'
import type { ThreadCall, ThreadMessage } from './worker.ts'

/** `declined`: the call was not begun, and will not be. `lost`: its thread has died over it. */
export type Outcome = Answer | 'declined' | 'lost'

export interface PoolOptions {
  /** Starts a thread that says what `ThreadMessage` has. */
  readonly startThread: () => Worker
  /** Gets what calls have left on its way. */
  readonly takeOver: (left: Sending) => void
  /** There are always so many threads. All have calls: so each has its code compiled. */
  readonly minThreads: number
  /** There is one more, up to this number, when a call is not done within `growMs`, and others wait. */
  readonly maxThreads: number
  readonly growMs: number
  /** A thread beyond `minThreads` that has had no call for so many milliseconds ends. */
  readonly maxIdleMs: number
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

/** A thread that has nothing to do, and what will end it. */
interface Idle {
  readonly thread: Worker
  readonly timer: NodeJS.Timeout
}

/** A thread that cannot live must not keep the processor busy with its successors. */
const restartMs = 100

export class ThreadPool {
  readonly #options: PoolOptions
  readonly #queue = new CallQueue<Waiting>()
  readonly #threads = new Set<Worker>()
  /** Those that have nothing to do, the one that had a call last at the end. */
  #idle: Idle[] = []
  readonly #serving = new Map<Worker, Waiting>()
  #isStarting = false
  #isClosed = false

  constructor(options: PoolOptions) {
    this.#options = options
    for (let count = 0; count < options.minThreads; count++) this.#start()
  }

  /** Serves a call as soon as a thread is free for it. */
  serve(call: ThreadCall): Promise<Outcome> {
    const { maxWaiting, maxWaitMs, growMs } = this.#options
    if (this.#queue.length >= maxWaiting || this.#isClosed) return Promise.resolve('declined')
    return new Promise((resolve) => {
      const deadline = setTimeout(() => {
        if (this.#queue.remove(waiting)) settle('declined')
      }, maxWaitMs)
      const growth = setInterval(() => this.#grow(), growMs)
      const settle = (outcome: Outcome) => {
        clearTimeout(deadline)
        clearInterval(growth)
        resolve(outcome)
      }
      const waiting = { key: call.env['CNI_CONTAINERID'] ?? '', call, settle }
      this.#queue.add(waiting)
      this.#next()
    })
  }

  /** Declines what waits, and all that comes; what has been begun goes on. */
  declineAll(): void {
    this.#isClosed = true
    for (const { settle } of this.#queue.clear()) settle('declined')
  }

  /** Ends all threads; the calls that they are at are lost. */
  async close(): Promise<void> {
    this.declineAll()
    await Promise.all([...this.#threads].map((thread) => thread.terminate()))
  }

  #start(): void {
    this.#isStarting = true
    const thread = this.#options.startThread()
    this.#threads.add(thread)
    thread.on('message', (message: ThreadMessage) => this.#hear(thread, message))
    thread.on('error', (error) => this.#options.say(`a thread failed: ${String(error)}`))
    thread.on('exit', () => this.#removed(thread))
  }

  #hear(thread: Worker, message: ThreadMessage): void {
    if (message !== 'ready' && 'left' in message) return this.#options.takeOver(message.left)
    if (message === 'ready') this.#isStarting = false
    else this.#finish(thread, message.answer ?? 'declined')
    this.#free(thread)
  }

  #free(thread: Worker): void {
    const timer = setTimeout(() => this.#endIdle(thread), this.#options.maxIdleMs)
    this.#idle.push({ thread, timer: timer.unref() })
    this.#next()
  }

  #endIdle(thread: Worker): void {
    if (this.#lasting().includes(thread)) return
    this.#forget(thread)
    void thread.terminate()
  }

  #forget(thread: Worker): void {
    this.#threads.delete(thread)
    this.#takeIdle(thread)
  }

  /** Takes a thread out of those that have nothing to do. */
  #takeIdle(thread: Worker): void {
    for (const idle of this.#idle) if (idle.thread === thread) clearTimeout(idle.timer)
    this.#idle = this.#idle.filter((idle) => idle.thread !== thread)
  }

  /** The threads that do not end for having nothing to do: the oldest ones. */
  #lasting(): Worker[] {
    return [...this.#threads].slice(0, this.#options.minThreads)
  }

  /** The thread for the next call. */
  #nextThread(): Worker | undefined {
    const lasting = this.#lasting()
    const free = this.#idle.filter(({ thread }) => lasting.includes(thread))
    // Runtimes make calls in a fixed order: in turn, each thread would have but some kinds of them.
    const idle = free[Math.floor(Math.random() * free.length)] ?? this.#idle.at(-1)
    return idle?.thread
  }

  /** The call of a thread that died was begun; who knows how far it went. */
  #removed(thread: Worker): void {
    if (!this.#threads.has(thread)) return
    this.#forget(thread)
    this.#finish(thread, 'lost')
    if (this.#isClosed) return
    this.#isStarting = true
    setTimeout(() => this.#start(), restartMs)
  }

  #finish(thread: Worker, outcome: Outcome): void {
    const served = this.#serving.get(thread)
    if (served === undefined) return
    this.#serving.delete(thread)
    this.#queue.finish(served)
    served.settle(outcome)
  }

  #next(): void {
    for (;;) {
      const thread = this.#nextThread()
      const waiting = thread && this.#queue.take()
      if (thread === undefined || waiting === undefined) break
      this.#takeIdle(thread)
      this.#serving.set(thread, waiting)
      thread.postMessage(waiting.call)
    }
  }

  #grow(): void {
    const isShort = this.#queue.length > 0 && this.#threads.size < this.#options.maxThreads
    if (isShort && !this.#isStarting) this.#start()
  }
}
