/** One call of a plugin: how what is asked arrives, and how the answer goes back. */
import type { Environment } from '../base/environment.ts'

export interface Call {
  readonly env: Environment
  /** Reads the whole of stdin, once; throws when that fails. */
  readStdin(): string
  /**
   * Writes the answer before the call ends: a result, an error object or a version list. Not called
   * when there is none; never throws.
   */
  writeStdout(text: string): void
}

/** 1 when the answer is an error. */
export type ExitCode = 0 | 1
