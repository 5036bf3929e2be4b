import type { Stage } from '../base/stage.ts'
import type { Delegate } from './plugin.ts'

/** What runs plugins: a process of its own for each call, a test, or a resident server. */
export interface Host {
  /** The version of this plugin set, for the text about it. */
  readonly version: string
  readonly delegate: Delegate
  /** Writes diagnostics: stderr of a plugin process. */
  writeStderr(text: string): void
  randomBytes(length: number): Uint8Array
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds of a clock that is never set. */
  elapsed(): number
  /** The stages of the call before it came here, by that clock. */
  startStages(): readonly Stage[]
  /** Blocks the calling thread for so many milliseconds. */
  sleep(ms: number): void
}
