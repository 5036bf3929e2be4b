/** Processes that tests and scripts start. */
import { spawn, spawnSync } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** How a process ended and what it wrote. `code` is null when a signal ended it. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string
  /** The whole environment; the caller's own when left out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

/** Runs a program to its end. Rejects when it cannot be started. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [program = '', ...args] = argv
  const { env, cwd, stdin = '' } = options
  const child = spawn(program, args, { env, cwd, stdio: 'pipe' })
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  child.stdin.on('error', () => {}) // a program may end without reading its stdin
  child.stdin.end(stdin)
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed])
  return { code, stdout, stderr }
}

/** Runs a program that must succeed, blocking, and returns its stdout; throws with its stderr. */
export function runSync(argv: readonly string[]): string {
  const [program = '', ...args] = argv
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status === 0) return stdout
  throw new Error(`${argv.join(' ')}: exit status ${status}: ${stderr.trim()}`)
}

/** The command line that runs `argv` inside the network namespace at the path `netns`. */
export function inside(netns: string, argv: readonly string[]): string[] {
  return ['nsenter', `--net=${netns}`, '--', ...argv]
}

/** The reason to skip what needs these programs, or false when all are installed. */
export function missingProgram(...programs: string[]): string | false {
  const missing = programs.find((program) => spawnSync('which', [program]).status !== 0)
  return missing === undefined ? false : `${missing} is not installed`
}
