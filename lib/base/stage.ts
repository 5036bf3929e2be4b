/**
 * The stages of a call, for whoever wants to know what each of them takes. They are announced on
 * channels of Node's, which it loads at its start anyway, and of which each thread has its own.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'

/** A stage that has ended. */
export interface Stage {
  readonly name: string
  /** In how many others it is. */
  readonly depth: number
  /** When it began, and how long it took, in ms of a clock that is never set. */
  readonly beginMs: number
  readonly tookMs: number
}

const began = channel('flannel-cni:stage:began')
const ended = channel('flannel-cni:stage:ended')

/** Does the work, which is a stage with this name. Without a recorder that is all it does. */
export function stage<T>(name: string, work: () => T): T {
  if (!isRecorded()) return work()
  began.publish(name)
  try {
    return work()
  } finally {
    ended.publish(name)
  }
}

/** Whether there is a recorder in this thread. */
export function isRecorded(): boolean {
  return began.hasSubscribers
}

/** Records the stages of this thread until it is disposed of. */
export class StageRecorder implements Disposable {
  readonly #clock: () => number
  readonly #stages: Stage[] = []
  /** The indexes of those that have not ended, the innermost at the end. */
  readonly #open: number[] = []

  /** `clock` gives milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock
    subscribe(began.name, this.#began)
    subscribe(ended.name, this.#ended)
  }

  /** Those that have ended, in the order in which they began. */
  stages(): Stage[] {
    return this.#stages.filter((_, index) => !this.#open.includes(index))
  }

  readonly #began = (name: unknown): void => {
    const begun = { name: String(name), depth: this.#open.length, tookMs: NaN }
    this.#open.push(this.#stages.length)
    this.#stages.push({ ...begun, beginMs: this.#clock() })
  }

  readonly #ended = (): void => {
    const endMs = this.#clock()
    const index = this.#open.pop() ?? -1
    const begun = this.#stages[index]
    if (begun !== undefined) this.#stages[index] = { ...begun, tookMs: endMs - begun.beginMs }
  };

  [Symbol.dispose](): void {
    unsubscribe(began.name, this.#began)
    unsubscribe(ended.name, this.#ended)
  }
}
