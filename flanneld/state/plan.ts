/**
 * What it takes to make the kernel's entries the wanted ones: pure. What carries packets is made
 * before what sends packets there, and is removed after it, so that no packet is lost.
 */
import { describeEntry, type Entry, keyOf, valueOf } from './entry.ts'

export interface Step {
  readonly do: 'set' | 'remove'
  readonly key: string
  readonly entry: Entry
  /** What was there instead, or absent for nothing. */
  readonly found?: Entry
}

/** In the order in which they are made. */
const ranks: readonly Entry['kind'][] = ['address', 'fdb', 'neighbour', 'route']

interface Lookup {
  get(key: string): Entry | undefined
}

/** The steps for the keys, in the order in which they have to be done. */
export function planSteps(keys: Iterable<string>, desired: Lookup, present: Lookup): Step[] {
  const sets: Step[] = []
  const removals: Step[] = []
  for (const key of keys) {
    const [wanted, found] = [desired.get(key), present.get(key)]
    if (wanted === undefined) {
      if (found !== undefined) removals.push({ do: 'remove', key, entry: found })
    } else if (found === undefined) {
      sets.push({ do: 'set', key, entry: wanted })
    } else if (valueOf(found) !== valueOf(wanted)) {
      sets.push({ do: 'set', key, entry: wanted, found })
    }
  }
  return [...inOrder(sets, ranks), ...inOrder(removals, ranks.toReversed())]
}

function inOrder(steps: readonly Step[], kinds: readonly Entry['kind'][]): Step[] {
  const groups = Object.groupBy(steps, ({ entry }) => entry.kind)
  return kinds.flatMap((kind) => groups[kind] ?? [])
}

/** What was wrong, and what is done about it, for a log. */
export function describeStep({ do: verb, entry, found }: Step): string {
  const what = keyOf(entry)
  if (verb === 'remove') return `${describeEntry(entry)} is in no lease: removing it`
  if (found === undefined) return `${what} is missing: adding it`
  return `${what} is ${valueOf(found)}: setting it to ${valueOf(entry)}`
}
