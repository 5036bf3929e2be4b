/** The agent's log: lines for the operator, on stderr. */
import type { Log } from '../lib/base/log.ts'

/** `debug` lines are written with `-v=1` and more. */
export interface AgentLog extends Log {
  info(message: string): void
  error(message: string): void
}
