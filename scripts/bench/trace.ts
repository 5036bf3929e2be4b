/** What strace(1) writes with -f: pure. */

/** A system call. */
export interface SystemCall {
  readonly pid: number
  readonly name: string
  /** The arguments and what it returned, as strace has them. */
  readonly text: string
}

const linePattern = /^(\d+) +(.*)$/
const unfinishedMark = ' <unfinished ...>'

/**
 * Reads calls in the order in which they ended. One that another process' call interrupts stands on
 * two lines, and one that never returned is left out, but for that which ends a process.
 */
export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, pid = '', rest = ''] = linePattern.exec(line) ?? []
    if (rest.endsWith(unfinishedMark)) {
      unfinished.set(pid, rest.slice(0, -unfinishedMark.length))
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
    const whole = resumed === undefined ? rest : (unfinished.get(pid) ?? '') + resumed
    const call = parseCall(Number(pid), whole)
    if (call !== undefined) calls.push(call)
  }
  return calls
}

function parseCall(pid: number, whole: string): SystemCall | undefined {
  const [, name, text] = /^(\w+)\((.*)$/.exec(whole) ?? []
  return name === undefined || text === undefined ? undefined : { pid, name, text }
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
