import { fullText } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

/**
 * Steps to take back when a later step fails. Each is declared next to the step it undoes, and
 * they run last one first.
 */
export class Undo {
  readonly #steps: { name: string; undo: () => void }[] = []

  /** Declares how to take back what has just been done; `name` stands in the log if that fails. */
  add(name: string, undo: () => void): void {
    this.#steps.push({ name, undo })
  }

  /** Takes everything back. A step that fails is logged, and the others are still tried. */
  run(log: Log): void {
    for (const { name, undo } of this.#steps.splice(0).reverse()) {
      try {
        undo()
      } catch (error) {
        log.warn(`rollback: ${name}: ${fullText(error)}`)
      }
    }
  }
}

/** Runs `work` with an `Undo`; when `work` throws, everything declared so far is taken back. */
export function withUndo<T>(log: Log, work: (undo: Undo) => T): T {
  const undo = new Undo()
  try {
    return work(undo)
  } catch (error) {
    undo.run(log)
    throw error
  }
}
