/** Work that is done once for what happens several times in a row. */

export class Debounce implements AsyncDisposable {
  readonly #ms: number
  readonly #work: () => Promise<void>
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  /** Whether the work is to be done again when it is done. */
  #isDue = false
  #isClosed = false

  /** `work` must not reject. */
  constructor(ms: number, work: () => Promise<void>) {
    this.#ms = ms
    this.#work = work
  }

  /** Has the work done, so many ms after the first trigger, and never twice at a time. */
  trigger(): void {
    if (!this.#isClosed) this.#timer ??= setTimeout(() => this.#run(), this.#ms)
  }

  #run(): void {
    this.#timer = undefined
    this.#isDue = true
    this.#running ??= this.#workOff()
  }

  async #workOff(): Promise<void> {
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false
      await this.#work()
    }
    this.#running = undefined
  }

  /** Resolves when work that has begun is done; none begins any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#running
  }
}
