/** DELs of what is gone: a kubelet stops a sandbox several times, and the last ones find nothing. */
import type { Caller } from './caller.ts'
import { delOfNothing, type PluginOfChain, type Pod } from './calls.ts'
import type { Contestant } from './contestants.ts'
import type { Measurement } from './jobs.ts'
import { type CallFigures, figures } from './one-by-one.ts'
import { base } from './scenario.ts'
import { Site } from './site.ts'

export interface RepeatedDel {
  readonly contestant: string
  readonly plugin: string
  readonly figures: CallFigures
}

/** Measures so many DELs of each plugin of a stock pod's chains, of each contestant in turn. */
export async function measureRepeatedDels(
  caller: Caller,
  contestants: readonly Contestant[],
  pod: Pod,
  rounds: number,
): Promise<RepeatedDel[]> {
  await using scope = new AsyncDisposableStack()
  const entries: { site: Site; plugin: PluginOfChain; measured: Measurement[] }[] = []
  for (const contestant of contestants) {
    const site = await Site.make(caller, contestant, base, pod, scope)
    for (const plugin of [contestant.plugin, 'portmap', 'loopback'] as const) {
      entries.push({ site, plugin, measured: [] })
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { site, plugin, measured } of entries) {
      measured.push(await site.callOne(delOfNothing(site.settings, pod, plugin)))
    }
  }
  return entries.map(({ site, plugin, measured }) => ({
    contestant: site.contestant.name,
    plugin,
    figures: figures(measured),
  }))
}
