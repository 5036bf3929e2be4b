/** What a call does, counted; nothing is timed here. */
import type { Caller } from './caller.ts'
import { addCalls, delCalls, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import type { Scenario } from './scenario.ts'
import { Site } from './site.ts'
import { traced } from './strace.ts'
import { countCalls, countedCalls, type Counts } from './trace.ts'

export interface CallCounts {
  readonly scenario: Scenario
  readonly contestant: string
  readonly add: Counts
  readonly del: Counts
}

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
    const added = await traced(site, addCalls(site.settings, pod), countedCalls)
    const delJob = delCalls(site.settings, pod, added.output)
    const deleted = await traced(site, delJob, countedCalls)
    counts.push({
      scenario,
      contestant: contestant.name,
      add: countCalls(added.calls),
      del: countCalls(deleted.calls),
    })
  }
  return counts
}
