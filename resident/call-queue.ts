/**
 * Calls that wait to be served: in their order, but never two at once that have the same key. A
 * runtime that gives up on an ADD calls DEL, and by itself nothing would keep that from overtaking.
 */
export interface Keyed {
  /** What calls that must not run side by side share; empty when there is nothing. */
  readonly key: string
}

export class CallQueue<T extends Keyed> {
  readonly #waiting: T[] = []
  readonly #running = new Set<string>()

  /** How many calls wait. */
  get length(): number {
    return this.#waiting.length
  }

  add(call: T): void {
    this.#waiting.push(call)
  }

  /** The next call that may run, which counts as running until `finish`. */
  take(): T | undefined {
    const index = this.#waiting.findIndex(({ key }) => !this.#running.has(key))
    if (index === -1) return undefined
    const [call] = this.#waiting.splice(index, 1)
    if (call !== undefined && call.key !== '') this.#running.add(call.key)
    return call
  }

  finish({ key }: T): void {
    this.#running.delete(key)
  }

  /** Takes a call out; false when it does not wait. */
  remove(call: T): boolean {
    const index = this.#waiting.indexOf(call)
    if (index !== -1) this.#waiting.splice(index, 1)
    return index !== -1
  }

  /** Takes out all that wait. */
  clear(): T[] {
    return this.#waiting.splice(0)
  }
}
