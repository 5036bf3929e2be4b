/** What the parts of one ADD and one DEL take. */
import type { Caller } from './caller.ts'
import { addCalls, delCalls, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import { base } from './scenario.ts'
import { Site } from './site.ts'
import { medianStages, stageCalls, stagesOf, type Stage } from './stages.ts'
import { percentile } from './statistics.ts'
import { traced } from './strace.ts'

export interface CallStages {
  readonly contestant: string
  readonly command: 'ADD' | 'DEL'
  /** Medians, each made longer by strace. */
  readonly stages: readonly Stage[]
  /** The median of whole calls with strace, and of others in turn with these without it. */
  readonly tracedMs: number
  readonly untracedMs: number
}

/** Measures so many ADDs and DELs of a contestant that makes a call in one process. */
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
    const added = await traced(site, addCalls(site.settings, pod), stageCalls)
    const deleted = await traced(site, delCalls(site.settings, pod, added.output), stageCalls)
    for (const [figures, { calls, wallMs }] of [[add, added] as const, [del, deleted] as const]) {
      figures.stages.push(stagesOf(calls))
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
