import { DetailedError } from '../../lib/base/errors.ts'
import { CniError } from '../../lib/cni/errors.ts'

/** The `CniError` that `operation` throws; throws when it throws none. */
export function thrown(operation: () => unknown): CniError {
  return caught(CniError, operation)
}

/** The `DetailedError` that `operation` throws; throws when it throws none. */
export function thrownDetailed(operation: () => unknown): DetailedError {
  return caught(DetailedError, operation)
}

function caught<T extends Error>(
  type: abstract new (...args: never[]) => T,
  operation: () => unknown,
): T {
  let value: unknown
  try {
    value = operation()
  } catch (error) {
    if (error instanceof type) return error
    throw error
  }
  throw new Error(`expected a ${type.name}, got ${JSON.stringify(value)}`)
}
