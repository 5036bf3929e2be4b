import type { Log } from './plugin.ts'

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
