/** Work that is done once for what happens several times in a row. */

export class Debounce implements AsyncDisposable {
  readonly #ms: number
  readonly #work: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined

  /** `work` must not reject. */
  constructor(ms: number, work: () => Promise<void>) {
    this.#ms = ms
    this.#work = work
  }

  /** Has the work done, so many ms after the first trigger, and never twice at a time. */
  trigger(): void {
    this.#timer ??= setTimeout(() => this.#run(), this.#ms)
  }

  #run(): void {
    this.#timer = undefined
    const last = this.#running ?? Promise.resolve()
    this.#running = last.then(() => this.#work())
  }

  /** Resolves when work that has begun is done; none begins any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#timer)
    await this.#running
  }
}
