/** What the parts of one ADD and one DEL take. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { addCalls, delCalls } from './calls.ts'
import type { Job, Measurement } from './jobs.ts'
import { base } from './scenario.ts'
import { makeSites, type Setting, type Site } from './site.ts'
import { medianStages, stagesOf } from './stages.ts'
import { percentile } from './statistics.ts'
import { formatNumber, type Table, type Values } from './table.ts'

/** Measures so many ADDs and DELs of each contestant at level `trace`, in turn with others without it. */
export async function measureStages(setting: Setting, rounds: number): Promise<Table[]> {
  await using scope = new AsyncDisposableStack()
  const tables: Table[] = []
  for (const site of await makeSites(setting, base, scope)) {
    const { settings, pod } = site
    const calls = { ADD: [] as Staged[], DEL: [] as Staged[] }
    for (let round = 0; round < rounds; round++) {
      const plain = await site.callOne(addCalls(settings, pod))
      const plainDel = await site.callOne(delCalls(settings, pod, plain.output))
      const added = await callTraced(site, addCalls(settings, pod))
      const deleted = await callTraced(site, delCalls(settings, pod, added.output))
      calls.ADD.push({ ...added, plainMs: plain.wallMs })
      calls.DEL.push({ ...deleted, plainMs: plainDel.wallMs })
    }
    for (const [command, staged] of Object.entries(calls)) {
      tables.push(stageTable(`${command} of ${settings.contestant.name}, by its stages`, staged))
    }
  }
  return tables
}

interface Traced extends Measurement {
  readonly stages: Values
}

interface Staged extends Traced {
  /** What the call took whose stages were not told. */
  readonly plainMs: number
}

function stageTable(title: string, staged: readonly Staged[]): Table {
  const median = (ms: (call: Staged) => number) => percentile(staged.map(ms), 50)
  const wholeMs = median(({ wallMs }) => wallMs)
  const plainMs = median((call) => call.plainMs)
  const stages = Object.entries(medianStages(staged.map((call) => call.stages)))
  const rows = [...stages, ['the whole call', wholeMs] as const].map(([name, ms]) => ({
    name,
    values: { 'p50 ms': ms, '% of the whole': Math.round((100 * ms) / wholeMs) },
  }))
  return {
    title,
    how: `${staged.length} calls; ${formatNumber(plainMs)} ms without level trace`,
    rows,
  }
}

/** Runs a job of one step at level `trace`. */
async function callTraced(site: Site, job: Job): Promise<Traced> {
  const traced = job.map((step) => ({ ...step, env: { ...step.env, CNI_LOG_LEVEL: 'trace' } }))
  const file = join(site.node.dir, 'stderr')
  // A reader at the other end of a pipe would need a processor while the plugin runs.
  const measurement = await site.callOne(traced, ['sh', '-c', 'exec "$1" 2>"$0"', file])
  return { ...measurement, stages: stagesOf(readFileSync(file, 'utf8'), measurement.wallMs) }
}
