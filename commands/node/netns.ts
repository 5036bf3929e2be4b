/** The network namespace that a person names. */
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { Netns, NetnsError } from '../../lib/linux/netns.ts'

/** Throws a `CniError` with code 8 unless the path is a network namespace. */
export function requireNetns(path: string): void {
  const problem = openingProblem(path)
  if (problem === undefined) return
  const { message, details } = problem
  throw new CniError(ErrorCode.invalidNetns, message, details, { cause: problem })
}

/** Whether the path is a network namespace. */
export function isNetns(path: string): boolean {
  return openingProblem(path) === undefined
}

function openingProblem(path: string): NetnsError | undefined {
  try {
    Netns.open(path)[Symbol.dispose]()
    return undefined
  } catch (error) {
    if (error instanceof NetnsError) return error
    throw error
  }
}
