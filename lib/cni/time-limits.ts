/** How long delegates may take. */
import type { Request } from './plugin.ts'

/** The runtime gives a whole chain about two minutes; delegates that take longer hang. */
const defaultTotalMs = 80_000

/** What a delegate gets at least when others have used up the time: one that takes back, say. */
const leastMs = 10_000

interface Span {
  readonly startMs: number
  readonly totalMs: number
}

/** The time that the delegates of each request have together. */
export class TimeLimits {
  readonly #now: () => number
  readonly #totalMs: number
  readonly #spans = new WeakMap<Request, Span>()

  /**
   * `now` gives milliseconds since the epoch. The time begins with the first delegate of a request;
   * one that comes when it is over has 10 s.
   */
  constructor(now: () => number, totalMs = defaultTotalMs) {
    this.#now = now
    this.#totalMs = totalMs
  }

  /** How long the next delegate of the request may take, in ms. */
  next(request: Request): number {
    const span = this.#spans.get(request) ?? { startMs: this.#now(), totalMs: this.#totalMs }
    this.#spans.set(request, span)
    return timeLeft(span.totalMs, this.#now() - span.startMs)
  }

  /**
   * Gives the delegates of `inner`, by which `outer` calls a delegate in this process, the time that
   * this delegate has: were it executed, they would go on after its end at most.
   */
  inherit(inner: Request, outer: Request): void {
    this.#spans.set(inner, { startMs: this.#now(), totalMs: this.next(outer) })
  }
}

/** How long a delegate may take, in ms, when `spentMs` have passed since the first one began. */
export function timeLeft(totalMs: number, spentMs: number): number {
  const left = Math.min(totalMs, totalMs - spentMs) // the clock may have been set back
  return Math.max(left, Math.min(totalMs, leastMs))
}
