import { inspect } from 'node:util'
import type { Result } from 'tap-parser'

/** What tests said: counts, failures and skips, as text for a person. */
export class Report {
  #passed = 0
  readonly #failures: string[] = []
  readonly #skips: string[] = []

  /** Takes one test point in. */
  point(point: Result): void {
    const { fullname, skip, todo } = point
    if (skip !== false) this.#skips.push(`${fullname}: ${reason(skip)}`)
    else if (todo !== false) this.#skips.push(`${fullname}: to do: ${reason(todo)}`)
    else if (point.ok) this.#passed++
    else this.#failures.push(`${fullname}${diagnostics(point)}`)
  }

  /** Takes tap's exit code in: one that no test explains is a failure of its own. */
  ended(code: number | null): void {
    if (code === 0 || this.#failures.length > 0) return
    this.#failures.push(`tap ended with exit status ${code}, its output says why`)
  }

  /** The line that says how one test file went. */
  file({ ok, name, time, skip }: Result): string {
    const verdict = skip !== false ? 'skip' : ok ? 'ok' : 'FAILED'
    return `${verdict.padEnd(6)} ${((time ?? 0) / 1000).toFixed(1).padStart(6)} s  ${name}`
  }

  /** Whether tests ran and none failed. */
  isGood(): boolean {
    return this.#passed > 0 && this.#failures.length === 0
  }

  /** Failures in full, skips with their reasons, and the counts as the last line. */
  text(log: string): string {
    const lines = [
      ...this.#failures.map((failure) => `\nFAILED ${failure}`),
      ...(this.#failures.length > 0 ? [`\nThe whole output is in ${log}`] : []),
      ...(this.#skips.length > 0 ? ['\nSkipped:'] : []),
      ...this.#skips.map((skip) => `  ${skip}`),
      ...(this.#passed + this.#failures.length === 0 ? ['\nNo test ran.'] : []),
      '',
      `${this.#passed} passed, ${this.#failures.length} failed, ${this.#skips.length} skipped`,
    ]
    return lines.join('\n')
  }
}

function reason(directive: boolean | string): string {
  return typeof directive === 'string' && directive !== '' ? directive : 'no reason given'
}

/** The diagnostics of a test point, each under its key; the empty text when it has none. */
function diagnostics({ diag }: Result): string {
  const entries: [string, unknown][] = Object.entries(diag ?? {})
  const blocks = entries.map(([key, value]) => {
    const text = typeof value === 'string' ? value.trimEnd() : inspect(value, { depth: 8 })
    return `\n  ${key}:\n${text.replace(/^/gm, '    ')}`
  })
  return blocks.join('')
}
