/**
 * What caller.c is told to do, and what it answers: pure. It reads strings that end with a zero byte:
 *
 *     workers, server process..., "", number of jobs, then for each job
 *       for each step: file, variable..., "", stdin before, stdin after
 *       ""
 *
 * and writes a line with two numbers, the wall time of everything and the CPU time of the servers, and for
 * each job a line with its status, wall time, CPU time, peak memory, and the length of its output,
 * which follows. Times are in ns, memory in KiB.
 */

/** One call of a plugin. */
export interface Step {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
  /** Its stdin; unless `after` is empty, what the step before wrote stands between them. */
  readonly before: string
  readonly after: string
}

/** Calls one after the other, as far as they succeed. */
export type Job = readonly Step[]

export interface Work {
  readonly jobs: readonly Job[]
  /** How many jobs run at a time. */
  readonly workers: number
  /** Processes that are not started by the jobs, and whose CPU time counts. */
  readonly servers: readonly number[]
}

/** What was measured of a job. */
export interface Measurement {
  /** As wait4(2) gives it: 0 is success. */
  readonly status: number
  readonly wallMs: number
  /** User and system time of its processes. */
  readonly cpuMs: number
  /** The most memory that one of its processes had at a time. */
  readonly peakBytes: number
  /** Of its last step on stdout. */
  readonly output: string
}

export interface Outcome {
  readonly wallMs: number
  /** What the servers used meanwhile. */
  readonly serverMs: number
  readonly jobs: readonly Measurement[]
}

/** The text for caller.c. Throws when a string cannot be in it. */
export function encodeWork({ jobs, workers, servers }: Work): string {
  const strings = [
    String(workers),
    ...[...servers.map(String), ''],
    String(jobs.length),
    ...jobs.flatMap((job) => [...job.flatMap(encodeStep), '']),
  ]
  const bad = strings.find((text) => text.includes('\0'))
  if (bad !== undefined) throw new Error(`a zero byte in ${JSON.stringify(bad)}`)
  return strings.map((text) => `${text}\0`).join('')
}

function encodeStep({ file, env, before, after }: Step): string[] {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`)
  return [file, ...variables, '', before, after]
}

/** Reads what caller.c wrote. Throws when it is cut short. */
export function decodeOutcome(bytes: Buffer): Outcome {
  let offset = 0
  const line = (): number[] => {
    const end = bytes.indexOf('\n', offset)
    if (end < 0) throw new Error(`the caller's output ends after ${bytes.length} bytes`)
    const numbers = bytes.toString('latin1', offset, end).split(' ').map(Number)
    offset = end + 1
    return numbers
  }
  const [wall = NaN, server = NaN] = line()
  const jobs: Measurement[] = []
  while (offset < bytes.length) {
    const [status = NaN, jobWall = NaN, cpu = NaN, peak = NaN, length = NaN] = line()
    const output = bytes.toString('utf8', offset, offset + length)
    offset += length
    jobs.push({ status, wallMs: ms(jobWall), cpuMs: ms(cpu), peakBytes: peak * 1024, output })
  }
  return { wallMs: ms(wall), serverMs: ms(server), jobs }
}

function ms(nanoseconds: number): number {
  return nanoseconds / 1e6
}

/** The measurement of work that is one job. */
export function onlyOf([measurement]: readonly Measurement[]): Measurement {
  if (measurement === undefined) throw new Error('the caller measured nothing')
  return measurement
}
