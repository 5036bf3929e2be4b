/** Faults in a program's system calls, by strace(1). */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Outcome, run, type RunOptions, runSync } from '../../../scripts/lab/run.ts'

/** Calls that change what is on a disk; `?` is for those that this architecture does not have. */
const changing = [
  ...['openat', 'write', 'mkdirat', 'symlinkat', 'linkat', 'unlinkat', 'renameat', 'renameat2'],
  ...['utimensat', 'ftruncate', '?mkdir', '?rmdir', '?symlink', '?link', '?unlink', '?rename'],
]

/** One system call of a program: the how manieth of its name, and strace's line. */
export interface Point {
  readonly name: string
  readonly ordinal: number
  readonly line: string
}

/** Why there can be no faults here, or false when there can. */
export function straceSkip(): string | false {
  try {
    runSync(['strace', '-qq', '-e', 'trace=none', 'true'])
    return false
  } catch (error) {
    return `strace cannot be used here: ${error instanceof Error ? error.message : error}`
  }
}

/** The changes that a program makes below the folder, from its main thread, in their order. */
export async function changesBelow(
  folder: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<Point[]> {
  const dir = mkdtempSync(join(tmpdir(), 'cnits-trace-'))
  try {
    const trace = join(dir, 'trace')
    const filter = ['-s', '4096', '-e', `trace=${changing.join()}`]
    await run(['strace', '-qq', '-o', trace, ...filter, ...argv], options)
    return parseTrace(folder, readFileSync(trace, 'utf8').split('\n'))
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function parseTrace(folder: string, lines: readonly string[]): Point[] {
  const counts = new Map<string, number>()
  const points: Point[] = []
  let opened = ''
  for (const line of lines) {
    const name = /^\w+/.exec(line)?.[0] ?? ''
    const ordinal = (counts.get(name) ?? 0) + 1
    counts.set(name, ordinal)
    const isBelow = line.includes(`${folder}/`) || line.includes(`${folder}"`)
    const isChange = name !== 'openat' || /O_CREAT|O_WRONLY/.test(line)
    if (name === 'openat' && isBelow && isChange) opened = /= (\d+)$/.exec(line)?.[1] ?? ''
    const isOfOpened = opened !== '' && /^(?:write|ftruncate)\((\d+)/.exec(line)?.[1] === opened
    if ((isBelow && isChange) || isOfOpened) {
      points.push({ name, ordinal, line })
    }
  }
  return points
}

/** Runs a program in which something happens at the point: `signal=KILL`, `error=ENOSPC`. */
export function runFaulty(
  { name, ordinal }: Point,
  fault: string,
  argv: readonly string[],
  options: RunOptions,
): Promise<Outcome> {
  const inject = ['-e', `trace=${name}`, '-e', `inject=${name}:${fault}:when=${ordinal}`]
  return run(['strace', '-qq', '-o', '/dev/null', ...inject, ...argv], options)
}
