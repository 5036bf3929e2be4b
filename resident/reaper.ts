/**
 * What becomes of messages that were left on their way. It belongs to the first thread, which never
 * waits: those that serve calls may be busy for a minute with the next one, or end.
 */
import type { Aio, Sending } from '../lib/linux/aio.ts'

/** Between two looks, in ms: as long as the kernel takes for the deletion of a link. */
const lookAgainMs = 20

/** Releases messages when they have been sent. */
export class Reaper {
  readonly #aio: Pick<Aio, 'isDone' | 'release'>
  #sendings: readonly Sending[] = []
  #done: readonly Sending[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(aio: Pick<Aio, 'isDone' | 'release'>) {
    this.#aio = aio
  }

  add(sending: Sending): void {
    this.#sendings = [...this.#sendings, sending]
    this.#timer ??= setInterval(() => this.#look(), lookAgainMs)
  }

  #look(): void {
    // One look later: older libcs read what they have sent for a moment after they say it is done.
    for (const sending of this.#done) this.#aio.release(sending)
    this.#done = this.#sendings.filter((sending) => this.#aio.isDone(sending))
    this.#sendings = this.#sendings.filter((sending) => !this.#done.includes(sending))
    if (this.#sendings.length + this.#done.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
