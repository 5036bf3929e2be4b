/** What a call does, counted by strace(1); nothing is timed here. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Caller } from './caller.ts'
import { addCalls, delCalls, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import type { Job } from './jobs.ts'
import type { Scenario } from './scenario.ts'
import { Site } from './site.ts'
import { countCalls, countedCalls, parseTrace, type Counts } from './trace.ts'

export interface CallCounts {
  readonly scenario: Scenario
  readonly contestant: string
  readonly add: Counts
  readonly del: Counts
}

const strace = ['strace', '-f', '-v', '-s', '4096', '-e', `trace=${countedCalls}`, '-o']

/** Counts what one ADD and one DEL of each contestant do, on a node that has the bridge. */
export async function measureCounts(
  caller: Caller,
  contestants: readonly Contestant[],
  scenario: Scenario,
  pod: Pod,
): Promise<CallCounts[]> {
  await using scope = new AsyncDisposableStack()
  const counts: CallCounts[] = []
  for (const contestant of contestants) {
    const site = await Site.make(caller, contestant, scenario, pod, scope)
    const added = await traced(caller, site, addCalls(site.settings, pod))
    const deleted = await traced(caller, site, delCalls(site.settings, pod, added.output))
    counts.push({
      scenario,
      contestant: contestant.name,
      add: added.counts,
      del: deleted.counts,
    })
  }
  return counts
}

async function traced(caller: Caller, { node, server }: Site, job: Job) {
  const servers = server?.processes() ?? []
  const files = ['calls', ...servers.map((pid) => `server-${pid}`)].map((name) =>
    join(node.dir, `${name}.strace`),
  )
  const [callsFile = '', ...serverFiles] = files
  const stops = await Promise.all(
    serverFiles.map((file, index) => attach(servers[index] ?? 0, file)),
  )
  const work = { jobs: [job], workers: 1, servers: [] }
  const { jobs } = await caller.run(node.netns, work, [...strace, callsFile])
  await Promise.all(stops.map((stop) => stop()))
  const calls = files.flatMap((file) => parseTrace(readFileSync(file, 'utf8')))
  return { output: jobs[0]?.output ?? '', counts: countCalls(calls) }
}

/** Traces a process that runs already, from when this returns to when its result is called. */
async function attach(pid: number, file: string): Promise<() => Promise<void>> {
  const [program = '', ...args] = [...strace, file, '-p', String(pid)]
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child.stderr, 'data') // it says which processes it is attached to
  child.stderr.resume()
  return async () => {
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await ended
  }
}
