/** What strace(1) writes with -f: pure. */

/** A system call. */
export interface SystemCall {
  readonly pid: number
  readonly name: string
  /** The arguments and what it returned, as strace has them. */
  readonly text: string
}

/**
 * Reads calls in the order in which they ended. One that another process' call interrupts stands on
 * two lines, and one that never returned is left out.
 */
export function parseTrace(text: string): SystemCall[] {
  const calls: SystemCall[] = []
  const unfinished = new Map<string, string>()
  for (const line of text.split('\n')) {
    const [, pid = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (rest.endsWith(' <unfinished ...>')) {
      unfinished.set(pid, rest.slice(0, -' <unfinished ...>'.length))
      continue
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1]
    const whole = resumed === undefined ? rest : `${unfinished.get(pid) ?? ''}${resumed}`
    const [, name, after] = /^(\w+)\((.*)$/.exec(whole) ?? []
    if (name !== undefined && after !== undefined)
      calls.push({ pid: Number(pid), name, text: after })
  }
  return calls
}

/** What a trace is counted for. */
export interface Counts {
  readonly processes: number
  /** Sent by all of them: a send may carry several. */
  readonly netlinkMessages: number
}

/** The system calls that `countCalls` needs. */
export const countedCalls = 'clone,clone3,fork,vfork,sendto,sendmsg'

/** Counts what the calls did. A thread is no process. */
export function countCalls(calls: readonly SystemCall[]): Counts {
  const starts = calls.filter(
    ({ name, text }) => /^(?:v?fork|clone3?)$/.test(name) && !text.includes('CLONE_THREAD'),
  )
  const sends = calls.filter(({ name }) => /^send/.test(name))
  const messages = sends.flatMap(({ text }) => text.match(/\bnlmsg_type=/g) ?? [])
  return { processes: starts.length, netlinkMessages: messages.length }
}
