/** Calls that are measured one by one, of all contestants in turn. */
import type { Caller } from './caller.ts'
import { addCalls, delCalls, delOfNothing } from './calls.ts'
import { type Measurement, onlyOf } from './jobs.ts'
import { describe, type Scenario } from './scenario.ts'
import { makeSites, type Setting, type Site } from './site.ts'
import { mean, percentile } from './statistics.ts'
import type { Table, Values } from './table.ts'

/** A call that is made again and again, and where its figures stand. */
export interface Series {
  readonly title: string
  readonly name: string
  readonly call: () => Promise<Measurement>
  /** What is to be said of its calls. */
  readonly notes?: (measured: readonly Measurement[]) => string[]
}

/** Measures each series so often, in turn. */
export async function measureInTurn(all: readonly Series[], rounds: number): Promise<Table[]> {
  const measured = all.map((series) => ({ series, calls: [] as Measurement[] }))
  for (let round = 0; round < rounds; round++) {
    for (const { series, calls } of measured) calls.push(await series.call())
  }
  return [...Map.groupBy(measured, ({ series }) => series.title)].map(([title, entries]) => ({
    title,
    how: `${rounds} of each, one by one`,
    rows: entries.map(({ series, calls }) => ({ name: series.name, values: figures(calls) })),
    compared: ['p50 ms', 'CPU ms'],
    notes: entries.flatMap(({ series, calls }) => series.notes?.(calls) ?? []),
  }))
}

/** What calls took; their CPU time on average, and the most memory that one of their processes had. */
export function figures(calls: readonly Measurement[]): Values {
  const wall = calls.map(({ wallMs }) => wallMs)
  return {
    'p50 ms': percentile(wall, 50),
    'p95 ms': percentile(wall, 95),
    'p99 ms': percentile(wall, 99),
    'CPU ms': mean(calls.map(({ cpuMs }) => cpuMs)),
    'peak MB': Math.max(...calls.map(({ peakBytes }) => peakBytes)) / 1e6,
  }
}

/** Measures series on sites of their own of all contestants, in each of the scenarios. */
export async function measureOnSites(
  setting: Setting,
  scenarios: readonly Scenario[],
  seriesOf: (site: Site) => Series[],
  rounds: number,
): Promise<Table[]> {
  await using scope = new AsyncDisposableStack()
  const sites: Site[] = []
  for (const scenario of scenarios) sites.push(...(await makeSites(setting, scenario, scope)))
  return await measureInTurn(sites.flatMap(seriesOf), rounds) // before the scope ends
}

/** Of calls of one command in a scenario. */
export function titleOf(command: 'ADD' | 'DEL', scenario: Scenario): string {
  return `${command}, ${describe(scenario)}`
}

/** ADD of a pod, and DEL of that pod. */
export function addAndDel(site: Site): Series[] {
  const { contestant, scenario } = site.settings
  const series = { name: contestant.name, notes: site.fallbackNotes }
  let result = ''
  const add = async () => {
    const added = await site.callOne(addCalls(site.settings, site.pod))
    result = added.output
    return added
  }
  const del = () => site.callOne(delCalls(site.settings, site.pod, result))
  return [
    { ...series, title: titleOf('ADD', scenario), call: add },
    { ...series, title: titleOf('DEL', scenario), call: del },
  ]
}

/** DEL of what is gone: a kubelet stops a sandbox several times, and the last ones find nothing. */
export function delsOfNothing(site: Site): Series[] {
  const { settings, pod } = site
  const { name, plugin } = settings.contestant
  // portmap and loopback are the same for all contestants of a build
  const plugins =
    plugin === 'bridge' ? (['first', 'portmap', 'loopback'] as const) : (['first'] as const)
  return plugins.map((each) => ({
    title: `DEL of nothing by ${each === 'first' ? 'bridge or flannel' : each}`,
    name: each === 'first' ? name : name.replace(plugin, each),
    call: () => site.callOne(delOfNothing(settings, pod, each)),
    notes: site.fallbackNotes,
  }))
}

/** What a process costs that does nothing: no call can cost less. */
export function floors(caller: Caller): Series[] {
  const empty = { '/bin/true': '/bin/true', 'node, empty program on stdin': process.execPath }
  return Object.entries(empty).map(([name, file]) => ({
    title: 'what any process costs',
    name,
    async call() {
      const jobs = [[{ file, env: {}, before: '', after: '' }]]
      const outcome = await caller.run('/proc/self/ns/net', { jobs, workers: 1, servers: [] })
      return onlyOf(outcome.jobs)
    },
  }))
}
