/** Diagnostics: lines for the operator. */

/** Diagnostics for the operator, on stderr in a plugin process. */
export interface Log {
  /** Something was found wrong and was healed, or will hurt later: always written. */
  warn(message: string): void
  /** What is being done: written when CNI_LOG_LEVEL is `debug` or `trace`. */
  debug(message: string): void
}

/** Log levels, as CNI_LOG_LEVEL and the configuration's `log` name them. */
export type LogLevel = 'warn' | 'debug' | 'trace'

/** The level with this name; `warn` for any other. */
export function parseLogLevel(name: string | undefined): LogLevel {
  return name === 'debug' || name === 'trace' ? name : 'warn'
}

/**
 * A log whose lines begin with `prefix` and go to `write`; `debug` lines are dropped when the level
 * is `warn`.
 */
export function createLog(prefix: string, level: LogLevel, write: (text: string) => void): Log {
  // What is found in files and in names must neither end the line nor drive a terminal.
  const line = (text: string) => write(`${`${prefix}: ${text}`.replaceAll(/\p{Cc}+/gu, ' ')}\n`)
  return {
    warn: (message) => line(`warning: ${message}`),
    debug: level === 'warn' ? () => undefined : line,
  }
}
