/** What the parts of one ADD and one DEL take. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Caller } from './caller.ts'
import { addCalls, delCalls, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import type { Job, Measurement } from './jobs.ts'
import { base } from './scenario.ts'
import { Site } from './site.ts'
import { medianStages, type Stage, stagesOf } from './stages.ts'
import { percentile } from './statistics.ts'

export interface CallStages {
  readonly contestant: string
  readonly command: 'ADD' | 'DEL'
  /** Medians. */
  readonly stages: readonly Stage[]
  /** The median of whole calls at level `trace`, and of others in turn with these without it. */
  readonly tracedMs: number
  readonly untracedMs: number
}

/** Measures so many ADDs and DELs of a contestant. */
export async function measureStages(
  caller: Caller,
  contestant: Contestant,
  pod: Pod,
  rounds: number,
): Promise<CallStages[]> {
  await using scope = new AsyncDisposableStack()
  const site = await Site.make(caller, contestant, base, pod, scope)
  const add = { stages: [] as Stage[][], traced: [] as number[], untraced: [] as number[] }
  const del = { stages: [] as Stage[][], traced: [] as number[], untraced: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    const plain = await site.callOne(addCalls(site.settings, pod))
    add.untraced.push(plain.wallMs)
    del.untraced.push((await site.callOne(delCalls(site.settings, pod, plain.output))).wallMs)
    const added = await callTraced(site, addCalls(site.settings, pod))
    const deleted = await callTraced(site, delCalls(site.settings, pod, added.output))
    for (const [figures, { stages, wallMs }] of [[add, added] as const, [del, deleted] as const]) {
      figures.stages.push(stages)
      figures.traced.push(wallMs)
    }
  }
  return [['ADD', add] as const, ['DEL', del] as const].map(([command, figures]) => ({
    contestant: contestant.name,
    command,
    stages: medianStages(figures.stages),
    tracedMs: percentile(figures.traced, 50),
    untracedMs: percentile(figures.untraced, 50),
  }))
}

/** Runs a job of one step at level `trace`. */
async function callTraced(site: Site, job: Job): Promise<Measurement & { stages: Stage[] }> {
  const traced = job.map((step) => ({ ...step, env: { ...step.env, CNI_LOG_LEVEL: 'trace' } }))
  const file = join(site.node.dir, 'stderr')
  // A reader at the other end of a pipe would need a processor while the plugin runs.
  const measurement = await site.callOne(traced, ['sh', '-c', 'exec "$1" 2>"$0"', file])
  return { ...measurement, stages: stagesOf(readFileSync(file, 'utf8'), measurement.wallMs) }
}
