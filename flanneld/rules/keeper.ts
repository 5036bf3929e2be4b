/**
 * The rules of the node, for the agent: it says which they are to be, and a thread of their own
 * sets them and keeps them so. nft and iptables are waited for there, for half a minute maybe,
 * while the agent goes on.
 */
import type { Worker } from 'node:worker_threads'
import { DetailedError, fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { encodeSpec, type ThreadMessage, type ThreadSettings } from './protocol.ts'
import type { RulesSpec } from './spec.ts'
import { startRulesThread } from './thread.ts'
import type { RulesEvents } from './upkeep.ts'

export interface KeeperOptions extends ThreadSettings {
  /** The file that this program began with, which is not used in the packaged executable. */
  readonly entry: string
  readonly events: RulesEvents
  readonly log: Log
}

interface Waiting {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A thread that cannot live must not keep the processor busy with its successors. */
const restartMs = 1000

export class RulesKeeper {
  readonly #options: KeeperOptions
  #thread: Worker
  #spec: RulesSpec | undefined
  /** Who waits for an answer, in the order of what was asked. */
  #waiting: Waiting[] = []
  #restart: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(options: KeeperOptions) {
    this.#options = options
    this.#thread = this.#start()
  }

  /**
   * Starts the thread, and returns when the rules are in place. Rejects with a `DetailedError` when
   * masquerading cannot be installed; that forwarded packets cannot be accepted is an event.
   */
  static async start(spec: RulesSpec, options: KeeperOptions): Promise<RulesKeeper> {
    const keeper = new RulesKeeper(options)
    try {
      await keeper.update(spec)
      return keeper
    } catch (error) {
      await keeper.close()
      throw error
    }
  }

  /** Has other rules set, and looked after from now on; returns and rejects as `start` does. */
  update(spec: RulesSpec): Promise<void> {
    if (this.#isClosed) return Promise.reject(ended('it was closed'))
    this.#spec = spec
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      // without a thread, the next one is told
      if (this.#restart === undefined) this.#thread.postMessage(encodeSpec(spec))
    })
  }

  /**
   * Ends the thread and leaves the rules as they are. A program that has been started is waited
   * for, for half a minute at most.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#restart)
    await this.#thread.terminate()
    this.#rejectAll('it was closed')
  }

  #start(): Worker {
    const thread = startRulesThread(this.#options.entry, {
      searchPath: this.#options.searchPath,
      resyncMs: this.#options.resyncMs,
    })
    let reason = 'it ended'
    thread.on('message', (message: ThreadMessage) => this.#hear(message))
    thread.on('error', (error) => (reason = String(error)))
    thread.on('exit', () => this.#ended(reason))
    return thread
  }

  #hear(message: ThreadMessage): void {
    const { events, log } = this.#options
    switch (message.say) {
      case 'set':
        return this.#waiting.shift()?.resolve()
      case 'refused':
        return this.#waiting.shift()?.reject(new DetailedError(message.message, message.details))
      case 'repaired':
        return events.repaired(message.kind)
      case 'failed':
        return events.failed(message.operation, message.text)
      case 'warn':
      case 'debug':
        return log[message.say](message.text)
    }
  }

  #ended(reason: string): void {
    if (this.#isClosed) return
    this.#rejectAll(reason)
    this.#options.events.failed('the thread of the packet-filter rules', reason)
    this.#restart = setTimeout(() => {
      this.#restart = undefined
      this.#thread = this.#start()
      this.#resume()
    }, restartMs)
  }

  /** Tells a new thread what the one before was told, once for each who asked meanwhile. */
  #resume(): void {
    if (this.#spec === undefined) return
    const reject = (error: unknown) =>
      this.#options.events.failed('setting the packet-filter rules', fullText(error))
    this.#waiting.unshift({ resolve: () => undefined, reject })
    for (const _ of this.#waiting) this.#thread.postMessage(encodeSpec(this.#spec))
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(ended(reason))
  }
}

function ended(reason: string): DetailedError {
  return new DetailedError(`the thread of the packet-filter rules failed: ${reason}`, '')
}
