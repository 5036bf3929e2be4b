import { CniError, toCniError } from './errors.ts'

/**
 * Runs every step, whatever the others do, and throws when any failed: the error has the first
 * one's code, and the texts of all.
 */
export function attemptAll(steps: readonly (() => void)[]): void {
  const errors: CniError[] = []
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      errors.push(toCniError(error))
    }
  }
  const [first] = errors
  if (first === undefined) return
  if (errors.length === 1) throw first
  const details = errors.map((error) => error.details).filter((text) => text !== '')
  throw new CniError(
    first.code,
    errors.map((error) => error.message).join('; '),
    [...new Set(details)].join('; '),
    { cause: new AggregateError(errors) },
  )
}
