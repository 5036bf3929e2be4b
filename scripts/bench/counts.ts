/** What a call does, counted by strace(1), which makes it slower: nothing is timed here. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addCalls, delCalls } from './calls.ts'
import { type Job, onlyOf } from './jobs.ts'
import { describe, type Scenario } from './scenario.ts'
import { makeSites, type Setting, type Site } from './site.ts'
import type { Row, Table, Values } from './table.ts'

/** Counts what one ADD and one DEL of each contestant do, on a node that has the bridge. */
export async function measureCounts(setting: Setting, scenario: Scenario): Promise<Table[]> {
  await using scope = new AsyncDisposableStack()
  const rows = { ADD: [] as Row[], DEL: [] as Row[] }
  for (const site of await makeSites(setting, scenario, scope)) {
    const { name } = site.settings.contestant
    const added = await counted(site, addCalls(site.settings, site.pod))
    const deleted = await counted(site, delCalls(site.settings, site.pod, added.output))
    rows.ADD.push({ name, values: added.counts })
    rows.DEL.push({ name, values: deleted.counts })
  }
  return Object.entries(rows).map(([command, of]) => {
    return { title: `what ${command} does, ${describe(scenario)}`, how: 'once', rows: of }
  })
}

/** Runs one job, and counts what it, what it starts, and the server do. */
async function counted(site: Site, job: Job): Promise<{ output: string; counts: Values }> {
  const servers = site.server?.processes() ?? []
  const fileOf = (name: string | number) => join(site.node.dir, `${name}.strace`)
  const names = 'clone,clone3,fork,vfork,sendto,sendmsg'
  const strace = ['strace', '-f', '-v', '-s', '256', '-e', `trace=${names}`, '-o']
  const detach = await Promise.all(
    servers.map((pid) => attach([...strace, fileOf(pid), '-p', String(pid)])),
  )
  // With --seccomp-bpf only the named calls stop a process; it is for what strace starts itself.
  const { jobs } = await site.call([job], 1, [...strace, fileOf('caller'), '--seccomp-bpf'])
  await Promise.all(detach.map((each) => each()))
  const traces = ['caller', ...servers].map((name) => readFileSync(fileOf(name), 'utf8'))
  return { output: onlyOf(jobs).output, counts: countCalls(traces.flatMap(wholeCalls)) }
}

/** Traces a process that runs already, from when this returns to when its result is called. */
async function attach([program = '', ...args]: readonly string[]): Promise<() => Promise<void>> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  await once(child.stderr, 'data') // it says which processes it is attached to
  child.stderr.resume()
  return async () => {
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    await ended
  }
}

/**
 * The system calls in a trace, in the order in which they ended. One that another process' call interrupts
 * stands on two lines, and one that never returned is left out, but for that which ends a process.
 */
export function wholeCalls(trace: string): string[] {
  const unfinished = new Map<string, string>()
  return trace.split('\n').flatMap((line) => {
    const [, pid = '', resumed, part = '', mark] =
      /^(\d+) +(<\.\.\. \w+ resumed>)?(.*?)( <unfinished \.\.\.>)?$/.exec(line) ?? []
    const text = resumed === undefined ? part : (unfinished.get(pid) ?? '') + part
    if (mark !== undefined) unfinished.set(pid, text)
    return mark === undefined && /^\w+\(/.test(text) ? [text] : []
  })
}

/** The processes that calls started, without threads, and the messages in what they sent. */
export function countCalls(calls: readonly string[]): Values {
  const starts = calls.filter((call) => /^(?:v?fork|clone3?)\((?!.*CLONE_THREAD)/.test(call))
  const sends = calls.filter((call) => call.startsWith('send'))
  const messages = sends.flatMap((call) => call.match(/\bnlmsg_type=/g) ?? [])
  return { processes: starts.length, 'netlink messages': messages.length }
}
