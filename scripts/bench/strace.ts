/** Calls that are traced by strace(1), which makes them slower. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Job } from './jobs.ts'
import type { Site } from './site.ts'
import { parseTrace, type SystemCall } from './trace.ts'

export interface Traced {
  readonly output: string
  /** Those of the caller, of what it started, and of the server. */
  readonly calls: readonly SystemCall[]
}

// With --seccomp-bpf only the named calls stop a process.
const strace = ['strace', '-f', '--seccomp-bpf', '-v', '-s', '256']

/** Runs one job, and traces system calls of these names. */
export async function traced(site: Site, job: Job, names: readonly string[]): Promise<Traced> {
  const servers = site.server?.processes() ?? []
  const fileOf = (name: string) => join(site.node.dir, `${name}.strace`)
  const tracer = (file: string) => [...strace, '-e', `trace=${names.join()}`, '-o', file]
  const stops = await Promise.all(
    servers.map((pid) => attach(pid, tracer(fileOf(`server-${pid}`)))),
  )
  const { jobs } = await site.call([job], 1, tracer(fileOf('caller')))
  await Promise.all(stops.map((stop) => stop()))
  const files = ['caller', ...servers.map((pid) => `server-${pid}`)].map(fileOf)
  const calls = files.flatMap((file) => parseTrace(readFileSync(file, 'utf8')))
  const { output = '' } = jobs[0] ?? {}
  return { output, calls }
}

/** Traces a process that runs already, from when this returns to when its result is called. */
async function attach(pid: number, tracer: readonly string[]): Promise<() => Promise<void>> {
  const [program = '', ...args] = [...tracer, '-p', String(pid)]
  // It takes --seccomp-bpf only for what it starts itself.
  const child = spawn(
    program,
    args.filter((argument) => argument !== '--seccomp-bpf'),
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  await once(child.stderr, 'data') // it says which processes it is attached to
  child.stderr.resume()
  return async () => {
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await ended
  }
}
