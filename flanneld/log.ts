/** The agent's log: lines for the operator, on stderr, in the form of klog. */
import type { Log } from '../lib/base/log.ts'

/** `debug` lines are written with `-v=1` and more. */
export interface AgentLog extends Log {
  info(message: string): void
  error(message: string): void
}

export interface AgentLogOptions {
  /** The number behind `-v`. */
  readonly verbosity: number
  /** Of this process. */
  readonly pid: number
  /** The time in ms since 1970, with fractions. */
  readonly now: () => number
  readonly write: (text: string) => void
}

/**
 * A log whose lines look as upstream's do: `I1121 20:36:44.123456 1234 flanneld] message`, with the
 * severity, the local time and the process id.
 */
export function createAgentLog({ verbosity, pid, now, write }: AgentLogOptions): AgentLog {
  const writer = (severity: 'I' | 'W' | 'E') => (message: string) => {
    const header = `${severity}${formatTime(now())} ${pid} flanneld] `
    // What is found in files and in names must neither end the line nor drive a terminal.
    write(`${header}${message.replaceAll(/\p{Cc}+/gu, ' ')}\n`)
  }
  const info = writer('I')
  return {
    debug: verbosity >= 1 ? info : () => undefined,
    info,
    warn: writer('W'),
    error: writer('E'),
  }
}

/** `MMDD hh:mm:ss.uuuuuu`, in the time zone of this process. */
function formatTime(ms: number): string {
  const date = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  const micros = date.getMilliseconds() * 1000 + Math.floor((ms % 1) * 1000)
  const day = two(date.getMonth() + 1) + two(date.getDate())
  const time = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')
  return `${day} ${time}.${String(micros).padStart(6, '0')}`
}
