/** Many pods at a time, as when a node starts or is drained. */
import type { Caller } from './caller.ts'
import { addCalls, delCalls, type Pod } from './calls.ts'
import { type Contestant, countFallbacks } from './contestants.ts'
import type { Outcome } from './jobs.ts'
import { base } from './scenario.ts'
import { Site } from './site.ts'
import { distribution, type Distribution, percentile, sum } from './statistics.ts'

/** How many pods, by how many workers at a time, and how often. */
export interface BurstSize {
  readonly pods: number
  readonly workers: number
  readonly rounds: number
}

/** What a burst of one command took. */
export interface BurstFigures {
  readonly wallMs: number
  readonly podsPerSecond: number
  readonly cpuMsPerPod: number
  /** Of one pod, from the start of its first call to the end of its last. */
  readonly podMs: Distribution
}

export interface Burst extends BurstSize {
  readonly contestant: string
  readonly add: BurstFigures
  readonly del: BurstFigures
  /** Calls that a server should have answered, and has not. */
  readonly fallbacks: number
}

/**
 * Measures bursts of these sizes by all contestants in turn, and yields for one size what the
 * medians of its rounds took.
 */
export async function* measureBursts(
  caller: Caller,
  contestants: readonly Contestant[],
  pods: readonly Pod[],
  sizes: readonly BurstSize[],
): AsyncGenerator<Burst[]> {
  await using scope = new AsyncDisposableStack()
  const [first] = pods
  if (first === undefined) return
  const sites: Site[] = []
  for (const contestant of contestants) {
    sites.push(await Site.make(caller, contestant, base, first, scope))
  }
  for (const size of sizes) {
    const rounds: Burst[][] = []
    for (let round = 0; round < size.rounds; round++) {
      const bursts: Burst[] = []
      for (const site of sites) bursts.push(await burst(site, pods.slice(0, size.pods), size))
      rounds.push(bursts)
    }
    yield sites.flatMap((_, index) => medianBurst(rounds.flatMap((each) => each[index] ?? [])))
  }
}

/** Of ADD and of DEL what took the median of the time. */
export function medianBurst(rounds: readonly Burst[]): Burst[] {
  const [first] = rounds
  if (first === undefined) return []
  const add = medianFigures(rounds.map((each) => each.add))
  const del = medianFigures(rounds.map((each) => each.del))
  return [{ ...first, add, del, fallbacks: sum(rounds.map(({ fallbacks }) => fallbacks)) }]
}

function medianFigures(rounds: readonly BurstFigures[]): BurstFigures {
  const median = percentile(
    rounds.map(({ wallMs }) => wallMs),
    50,
  )
  const found = rounds.find(({ wallMs }) => wallMs === median)
  if (found === undefined) throw new Error('no burst took the median')
  return found
}

async function burst(site: Site, pods: readonly Pod[], size: BurstSize): Promise<Burst> {
  const { settings } = site
  const added = await site.call(
    pods.map((pod) => addCalls(settings, pod)),
    size.workers,
  )
  const deleted = await site.call(
    pods.map((pod, index) => delCalls(settings, pod, added.jobs[index]?.output ?? '')),
    size.workers,
  )
  return {
    ...size,
    contestant: site.contestant.name,
    add: burstFigures(added),
    del: burstFigures(deleted),
    fallbacks: countFallbacks(site.contestant, [...added.jobs, ...deleted.jobs]),
  }
}

function burstFigures({ wallMs, serverMs, jobs }: Outcome): BurstFigures {
  return {
    wallMs,
    podsPerSecond: (jobs.length * 1000) / wallMs,
    cpuMsPerPod: (sum(jobs.map(({ cpuMs }) => cpuMs)) + serverMs) / jobs.length,
    podMs: distribution(jobs.map((job) => job.wallMs)),
  }
}
