/** The stages of a call, by what it says of itself at level `trace` and what it took from outside: pure. */
import { type TraceLine, traceLines } from '../lab/trace.ts'
import { percentile, sum } from './statistics.ts'
import type { Values } from './table.ts'

/** What the plugins do between the stages that have a name. */
export const ownCode = 'between these: the plugins’ own code'

/** What only the caller sees: processes before they tell the time, and what follows the result. */
export const outside = 'around these: processes start and end, the trace is written'

/**
 * What the stages of a call took, in ms and in the order in which they begin; those of one kind count as
 * one. `stderr` is what it wrote, and `wallMs` what it took for its caller. Throws when it wrote no stages.
 */
export function stagesOf(stderr: string, wallMs: number): Values {
  const all = traceLines(stderr)
  if (all.length === 0) throw new Error(`no stages in ${JSON.stringify(stderr)}`)
  const lines = all.filter((line, index) => !isOfDeletion(line, all.slice(0, index)))
  const leaves = lines.filter(({ depth }, index) => (lines[index + 1]?.depth ?? 0) <= depth)
  const total = (of: readonly TraceLine[]) => sum(of.map(({ tookMs }) => tookMs))
  const kinds = [...Map.groupBy(leaves, kindOf)].map(([name, of]) => [name, total(of)] as const)
  const insideMs = Math.max(...lines.map(({ beginMs, tookMs }) => beginMs + tookMs))
  return {
    ...Object.fromEntries(kinds),
    [ownCode]: insideMs - total(leaves),
    [outside]: wallMs - insideMs,
  }
}

/** Whether it is a part of a deletion, which asks the kernel as often as that takes its time. */
function isOfDeletion({ depth }: TraceLine, before: readonly TraceLine[]): boolean {
  return before.findLast((line) => line.depth < depth)?.name === 'deletion of the link'
}

/** What stages of other calls have in common with it: not the names and numbers of one pod. */
function kindOf({ name }: TraceLine): string {
  if (name.startsWith('netlink: ')) return name.replaceAll(/(?<=[:;] )(\w+ \w+)[^;]*/g, '$1')
  return name.replace(/^(running \S+|\w+ sysctl) .*/, '$1')
}

/** The medians of the stages of several calls; one that a call does not have took nothing in it. */
export function medianStages(rounds: readonly Values[]): Values {
  const names = new Set(rounds.flatMap((stages) => Object.keys(stages)))
  const median = (name: string) =>
    percentile(
      rounds.map((stages) => stages[name] ?? 0),
      50,
    )
  return Object.fromEntries([...names].map((name) => [name, median(name)]))
}
