/**
 * The rules of the node, for the agent: it says which they are to be, and a thread of their own
 * sets them and keeps them so. nft and iptables are waited for there, for half a minute maybe,
 * while the agent goes on.
 */
import type { Worker } from 'node:worker_threads'
import { DetailedError, fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { rulesGeneration } from '../../lib/firewall/rule-search.ts'
import {
  encodeSpec,
  type ThreadMessage,
  type ThreadOrder,
  type ThreadSettings,
} from './protocol.ts'
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
  /** Absent while there is nothing to do for it: it takes 10 MB. */
  #thread: Worker | undefined
  #spec: RulesSpec | undefined
  /** Who waits for an answer, in the order of what was asked. */
  #waiting: Waiting[] = []
  /** Until the next thread is started; or until it is looked whether one is needed. */
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  private constructor(options: KeeperOptions) {
    this.#options = options
  }

  /**
   * Starts the thread, and returns when the rules are in place. Rejects with a `DetailedError` when
   * masquerading cannot be installed; that forwarded packets cannot be accepted is an event.
   */
  static async start(spec: RulesSpec, options: KeeperOptions): Promise<RulesKeeper> {
    const keeper = new RulesKeeper(options)
    keeper.#thread = keeper.#startThread()
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
    this.#spec = spec
    if (this.#thread === undefined && !this.#isClosed) this.#revive()
    return this.#order('set', spec)
  }

  #order(order: ThreadOrder['order'], spec: RulesSpec): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(failure('it was closed'))
      this.#waiting.push({ resolve, reject })
      this.#thread?.postMessage({ order, spec: encodeSpec(spec) } satisfies ThreadOrder)
    })
  }

  /**
   * Ends the thread and leaves the rules as they are. A program that has been started is waited
   * for, for half a minute at most.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#thread?.terminate()
    this.#rejectAll('it was closed')
  }

  #startThread(): Worker {
    const { entry, searchPath, resyncMs } = this.#options
    const thread = startRulesThread(entry, { searchPath, resyncMs })
    let reason = 'it ended'
    thread.on('message', (message: ThreadMessage) => {
      if (thread === this.#thread) this.#hear(message)
    })
    thread.on('error', (error) => (reason = String(error)))
    thread.on('exit', () => {
      if (thread === this.#thread) this.#ended(reason)
    })
    return thread
  }

  #hear(message: ThreadMessage): void {
    const { events, log } = this.#options
    switch (message.say) {
      case 'set':
        return this.#waiting.shift()?.resolve()
      case 'refused':
        return this.#waiting.shift()?.reject(new DetailedError(message.message, message.details))
      case 'idle':
        return this.#dismiss(message.generation)
      case 'repaired':
        return events.repaired(message.kind)
      case 'failed':
        return events.failed(message.operation, message.text)
      case 'warn':
      case 'debug':
        return log[message.say](message.text)
    }
  }

  /** Ends the thread, unless it has been told something meanwhile, until rules change. */
  #dismiss(generation: number): void {
    if (this.#waiting.length > 0 || this.#isClosed) return
    void this.#thread?.terminate()
    this.#thread = undefined
    this.#watch(generation)
  }

  #watch(generation: number): void {
    this.#timer = setTimeout(() => {
      if (hasGeneration(generation)) this.#watch(generation)
      else this.#resume()
    }, this.#options.resyncMs)
  }

  #ended(reason: string): void {
    if (this.#isClosed) return
    this.#thread = undefined
    this.#rejectAll(reason)
    this.#options.events.failed('the thread of the packet-filter rules', reason)
    this.#timer = setTimeout(() => this.#resume(), restartMs)
  }

  #revive(): void {
    clearTimeout(this.#timer)
    this.#thread = this.#startThread()
  }

  /** Has a new thread look after what the one before was told. */
  #resume(): void {
    if (this.#spec === undefined || this.#isClosed) return
    this.#revive()
    this.#order('resume', this.#spec).catch((error: unknown) => {
      this.#options.events.failed('looking after the packet-filter rules', fullText(error))
    })
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#waiting.splice(0)) reject(failure(reason))
  }
}

function failure(reason: string): DetailedError {
  return new DetailedError(`the thread of the packet-filter rules failed: ${reason}`, '')
}

/** Whether the kernel's rules are still of this generation; not if it does not say so. */
function hasGeneration(generation: number): boolean {
  try {
    return rulesGeneration() === generation
  } catch {
    return false // the thread tells why, when it asks the same
  }
}
