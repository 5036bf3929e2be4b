/** Waiting that ends when a signal is aborted. */

/** Resolves after so many ms, or when the signal is aborted. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
}

/** What the work gives, unless the signal is aborted before: then it rejects with its reason. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = () => reject(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([aborted, work])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** Pauses that double, and are short again after a time without any. */
export class Backoff {
  readonly #firstMs: number
  readonly #maxMs: number
  #nextMs: number
  #endedMs = -Infinity

  constructor(firstMs: number, maxMs: number) {
    this.#firstMs = firstMs
    this.#maxMs = maxMs
    this.#nextMs = firstMs
  }

  /** Resolves after the pause, or when the signal is aborted. */
  async pause(signal: AbortSignal): Promise<void> {
    const isQuiet = performance.now() - this.#endedMs > 2 * this.#maxMs
    const ms = isQuiet ? this.#firstMs : this.#nextMs
    this.#nextMs = Math.min(2 * ms, this.#maxMs)
    await pause(ms, signal)
    this.#endedMs = performance.now()
  }
}
