/** ADD and DEL of one pod at a time, by all contestants in turn. */
import type { Caller } from './caller.ts'
import { addCalls, delCalls, type Pod } from './calls.ts'
import { type Contestant, countFallbacks } from './contestants.ts'
import type { Measurement } from './jobs.ts'
import type { Scenario } from './scenario.ts'
import { Site } from './site.ts'
import { distribution, type Distribution, mean } from './statistics.ts'

/** What calls of one command took. */
export interface CallFigures {
  readonly wallMs: Distribution
  /** On average, the server's included. */
  readonly cpuMs: number
  /** The most memory that a process of any call had; a server is not among them. */
  readonly peakBytes: number
}

export interface OneByOne {
  readonly scenario: Scenario
  readonly contestant: string
  readonly add: CallFigures
  readonly del: CallFigures
  /** Calls that a server should have answered, and has not. */
  readonly fallbacks: number
}

/** Measures so many pods of each contestant in each of the scenarios, all in turn. */
export async function measureOneByOne(
  caller: Caller,
  contestants: readonly Contestant[],
  scenarios: readonly Scenario[],
  pod: Pod,
  rounds: number,
): Promise<OneByOne[]> {
  await using scope = new AsyncDisposableStack()
  const entries: Entry[] = []
  for (const scenario of scenarios) {
    for (const contestant of contestants) {
      const site = await Site.make(caller, contestant, scenario, pod, scope)
      entries.push({ site, ...nothing() })
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { site, adds, dels } of entries) {
      const added = await site.callOne(addCalls(site.settings, pod))
      adds.push(added)
      dels.push(await site.callOne(delCalls(site.settings, pod, added.output)))
    }
  }
  return entries.map(({ site, adds, dels }) => ({
    scenario: site.settings.scenario,
    contestant: site.contestant.name,
    add: figures(adds),
    del: figures(dels),
    fallbacks: countFallbacks(site.contestant, [...adds, ...dels]),
  }))
}

interface Entry {
  readonly site: Site
  readonly adds: Measurement[]
  readonly dels: Measurement[]
}

function nothing(): Pick<Entry, 'adds' | 'dels'> {
  return { adds: [], dels: [] }
}

/** The figures of calls. Throws when there is none. */
export function figures(measurements: readonly Measurement[]): CallFigures {
  return {
    wallMs: distribution(measurements.map(({ wallMs }) => wallMs)),
    cpuMs: mean(measurements.map(({ cpuMs }) => cpuMs)),
    peakBytes: Math.max(...measurements.map(({ peakBytes }) => peakBytes)),
  }
}
