/** A log for what is tried again and again: each problem is said once, until all is well. */
import { fullText } from '../lib/base/errors.ts'

export class ProblemLog {
  readonly #write: (message: string) => void
  readonly #said = new Set<string>()

  constructor(write: (message: string) => void) {
    this.#write = write
  }

  /** Writes what was being done and why it failed, unless that has been said. */
  report(what: string, error: unknown): void {
    const text = `${what}: ${fullText(error)}`
    if (this.#said.has(text)) return
    this.#said.add(text)
    this.#write(text)
  }

  /** From now on all problems are new; whether there was one before. */
  clear(): boolean {
    const hadProblems = this.#said.size > 0
    this.#said.clear()
    return hadProblems
  }
}
