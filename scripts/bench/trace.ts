/** What strace(1) writes with -f, -ttt and -T: pure. */

/** A system call. */
export interface SystemCall {
  readonly pid: number
  readonly name: string
  /** The arguments and what it returned, as strace has them. */
  readonly text: string
  /** In ms since the epoch. */
  readonly start: number
  readonly end: number
}

const linePattern = /^(\d+) +(\d+\.\d+) (.*)$/
const unfinishedMark = ' <unfinished ...>'

/**
 * Reads calls in the order in which they ended. One that another process' call interrupts stands on
 * two lines, and one that never returned is left out, but for that which ends a process.
 */
export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, { time: string; text: string }>()
  for (const line of text.split('\n')) {
    const [, pid = '', time = '', rest = ''] = linePattern.exec(line) ?? []
    if (rest.endsWith(unfinishedMark)) {
      unfinished.set(pid, { time, text: rest.slice(0, -unfinishedMark.length) })
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
    const begun = resumed === undefined ? { time, text: '' } : unfinished.get(pid)
    const call = parseCall(
      Number(pid),
      begun?.time ?? time,
      (begun?.text ?? '') + (resumed ?? rest),
    )
    if (call !== undefined) calls.push(call)
  }
  return calls
}

function parseCall(pid: number, time: string, whole: string): SystemCall | undefined {
  const [, name, text, seconds = '0'] = /^(\w+)\((.*?)(?: <(\d+\.\d+)>)?$/.exec(whole) ?? []
  if (name === undefined || text === undefined) return undefined
  const start = Number(time) * 1000
  return { pid, name, text, start, end: start + Number(seconds) * 1000 }
}

/** What a trace is counted for. */
export interface Counts {
  readonly processes: number
  /** Sent by all of them: a send may carry several. */
  readonly netlinkMessages: number
}

/** The system calls that `countCalls` needs. */
export const countedCalls = ['clone', 'clone3', 'fork', 'vfork', 'sendto', 'sendmsg']

/** Counts what the calls did. A thread is no process. */
export function countCalls(calls: readonly SystemCall[]): Counts {
  const starts = calls.filter(
    ({ name, text }) => /^(?:v?fork|clone3?)$/.test(name) && !text.includes('CLONE_THREAD'),
  )
  const sends = calls.filter(({ name }) => /^send/.test(name))
  const messages = sends.flatMap(({ text }) => text.match(/\bnlmsg_type=/g) ?? [])
  return { processes: starts.length, netlinkMessages: messages.length }
}
