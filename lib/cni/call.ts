/** One call of a plugin as it arrives, and what goes back: the whole protocol as data. */
import type { Environment } from '../base/environment.ts'

export interface Call {
  readonly env: Environment
  /** Reads the whole of stdin, once; throws when that fails. */
  readStdin(): string
  /** Writes the reply's stdout where that has to be done before the call ends; never throws. */
  readonly writeStdout?: (text: string) => void
}

export interface Reply {
  readonly exitCode: 0 | 1
  /** A result, an error object, a version list or nothing. */
  readonly stdout: string
}
