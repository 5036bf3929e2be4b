/** Work that is done one piece after the other. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  /** Does the work when all that came before has ended, well or not. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work)
    this.#last = done.catch(() => undefined) // whoever wanted it is told
    return done
  }
}
