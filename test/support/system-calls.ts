/** Faults that strace(1) injects into the system calls by which an executable changes something. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { missingProgram, runSync } from './run.ts'

/** One such call of an executable's main thread. */
export interface SystemCall {
  readonly name: string
  /** Which of the calls with this name it is, from 1. */
  readonly nth: number
  /** As strace writes it, with the paths of file descriptors. */
  readonly text: string
}

/** The command line in place of an executable. */
export type Argv = (executable: string) => readonly string[]

/** Why faults cannot be injected here, or false when they can. */
export function straceSkip(): string | false {
  const missing = missingProgram('strace')
  if (missing !== false) return missing
  try {
    runSync(['strace', '-qq', '-e', 'trace=none', 'true'])
    return false
  } catch (error) {
    return `strace cannot be used here: ${error instanceof Error ? error.message : error}`
  }
}

const names =
  /^(?:sendto|recvfrom|openat|write|(?:rename|link|mkdir|unlink)(?:at2?)?|rmdir|utimensat)$/
const trace = `trace=/${names.source.replaceAll('?:', '')}`
const strace = ['strace', '-qq', '-y', '-s', '200', '-e', 'signal=none']

/** Runs the executable and writes to a file in `dir` which calls it makes. */
export function recording(dir: string): Argv {
  return (executable) => [...strace, '-f', '-e', trace, '-o', join(dir, 'calls'), executable]
}

/**
 * The calls that were recorded and change something: files below `dir`, sysctls, the kernel. Writes
 * behind the start of another program are left out: how many there are differs from run to run.
 */
export function recorded(dir: string): SystemCall[] {
  const lines = readFileSync(join(dir, 'calls'), 'utf8').split('\n')
  const main = /^\d+/.exec(lines[0] ?? '')?.[0]
  const counts = new Map<string, number>()
  return lines.flatMap((line) => {
    const [, pid, text = '', name = ''] = /^(\d+) +((\w+)\(.*)/.exec(line) ?? []
    if (pid !== main || name === '') return []
    if (name === 'write' && text.includes('<socket:')) counts.set(name, NaN)
    const nth = (counts.get(name) ?? 0) + 1
    counts.set(name, nth)
    return nth > 0 && changes(name, text, dir) ? [{ name, nth, text }] : []
  })
}

/** Runtimes of JavaScript write to pipes of their own, and open files to read them. */
function changes(name: string, text: string, dir: string): boolean {
  if (name === 'sendto' || name === 'recvfrom') return true
  if (name === 'openat' && !/O_WRONLY|O_RDWR|O_CREAT/.test(text)) return false
  return text.includes(dir) || text.includes('/proc/sys/')
}

/** The call in a line of a test's output, without what differs from run to run. */
export function title({ name, nth, text }: SystemCall): string {
  const [path = ''] = text.match(/(?<=\/)[^/"<>]+(?=[">](?!.*[">]))/) ?? []
  return `${name} ${nth} ${path.replaceAll(/(?:pod|veth|\.new)-?[\da-f-]+/g, '*')}`.trim()
}

/** Runs the executable with a fault in one call of its main thread: `signal=KILL`, `error=EIO`. */
export function injecting({ name, nth }: SystemCall, fault: string): Argv {
  const inject = `inject=${name}:${fault}:when=${nth}`
  return (executable) => {
    return [...strace, '-e', `trace=${name}`, '-e', inject, '-o', '/dev/null', executable]
  }
}
