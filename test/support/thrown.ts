import { CniError } from '../../lib/cni/errors.ts'

/** The `CniError` that `operation` throws; throws when it throws none. */
export function thrown(operation: () => unknown): CniError {
  let value: unknown
  try {
    value = operation()
  } catch (error) {
    if (error instanceof CniError) return error
    throw error
  }
  throw new Error(`expected a CniError, got ${JSON.stringify(value)}`)
}
