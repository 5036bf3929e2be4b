/** Waiting for what other processes bring about. */
import { setTimeout } from 'node:timers/promises'

/** Resolves when the condition holds; rejects when it does not within 20 s. */
export async function eventually(what: string, condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 20_000
  while (!condition()) {
    if (performance.now() > deadlineMs) throw new Error(`not within 20 s: ${what}`)
    await setTimeout(20)
  }
}
