/** Work that is done once for what happens several times in a row. */

export class Debounce implements AsyncDisposable {
  readonly #ms: number
  readonly #work: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isOver = false

  /** `work` must not reject. */
  constructor(ms: number, work: () => Promise<void>) {
    this.#ms = ms
    this.#work = work
  }

  /** Has the work done, so many ms after the first trigger, and never twice at a time. */
  trigger(afterMs = this.#ms): void {
    if (!this.#isOver) this.#timer ??= setTimeout(() => this.#run(), afterMs)
  }

  #run(): void {
    this.#timer = undefined
    const last = this.#running ?? Promise.resolve()
    this.#running = last.then(() => this.#work())
  }

  /** Resolves when work that has begun is done; none begins any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    clearTimeout(this.#timer)
    await this.#running
  }
}
