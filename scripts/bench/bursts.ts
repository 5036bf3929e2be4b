/** Many pods at a time, as when a node starts or is drained. */
import { addCalls, delCalls, type Pod } from './calls.ts'
import type { Outcome } from './jobs.ts'
import { base } from './scenario.ts'
import { makeSites, type Setting, type Site } from './site.ts'
import type { BurstSize } from './size.ts'
import { percentile, sum } from './statistics.ts'
import type { Table, Values } from './table.ts'

export function burstTitle(command: 'ADD' | 'DEL', { pods, workers }: BurstSize): string {
  return `${command}, ${pods} pods at once by ${workers} ${workers === 1 ? 'worker' : 'workers'}`
}

/**
 * Measures bursts of these sizes by all contestants in turn, and yields for one size what the
 * medians of its rounds took.
 */
export async function* measureBursts(
  setting: Setting,
  sizes: readonly BurstSize[],
): AsyncGenerator<Table> {
  await using scope = new AsyncDisposableStack()
  const sites = await makeSites(setting, base, scope)
  for (const size of sizes) {
    const measured = sites.map((site) => ({ site, rounds: [] as Burst[] }))
    for (let round = 0; round < size.rounds; round++) {
      for (const { site, rounds } of measured) {
        rounds.push(await burst(site, setting.pods.slice(0, size.pods), size.workers))
      }
    }
    for (const command of ['ADD', 'DEL'] as const) {
      yield {
        title: burstTitle(command, size),
        how: size.rounds === 1 ? 'once' : `the median of ${size.rounds} times`,
        rows: measured.map(({ site, rounds }) => ({
          name: site.settings.contestant.name,
          values: medianRound(rounds.map((each) => burstFigures(each[command]))),
        })),
        compared: ['pods/s'],
        notes: measured.flatMap(({ site, rounds }) =>
          site.fallbackNotes(rounds.flatMap((each) => each[command].jobs)),
        ),
      }
    }
  }
}

type Burst = Readonly<Record<'ADD' | 'DEL', Outcome>>

async function burst(site: Site, pods: readonly Pod[], workers: number): Promise<Burst> {
  const adds = pods.map((pod) => addCalls(site.settings, pod))
  const added = await site.call(adds, workers)
  const dels = pods.map((pod, index) =>
    delCalls(site.settings, pod, added.jobs[index]?.output ?? ''),
  )
  return { ADD: added, DEL: await site.call(dels, workers) }
}

/** What a burst took; a pod's time is from the start of its first call to the end of its last. */
function burstFigures({ wallMs, serverMs, jobs }: Outcome): Values {
  const podMs = jobs.map((job) => job.wallMs)
  return {
    'wall ms': wallMs,
    'pods/s': (jobs.length * 1000) / wallMs,
    'CPU ms/pod': (sum(jobs.map(({ cpuMs }) => cpuMs)) + serverMs) / jobs.length,
    'pod p50 ms': percentile(podMs, 50),
    'pod p99 ms': percentile(podMs, 99),
  }
}

/** Of rounds that one which took the median of the time. Throws when there is none. */
export function medianRound(rounds: readonly Values[]): Values {
  const times = rounds.map((round) => round['wall ms'] ?? NaN)
  return rounds[times.indexOf(percentile(times, 50))] ?? {}
}
