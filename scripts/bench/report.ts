/** What was measured, and as text for a person: pure. */
import type { Burst } from './bursts.ts'
import { counterpart } from './contestants.ts'
import type { CallCounts } from './counts.ts'
import type { MemoryAfter } from './endurance.ts'
import type { Floor } from './floors.ts'
import type { Machine } from './machine.ts'
import type { CallStages } from './measure-stages.ts'
import type { CallFigures, OneByOne } from './one-by-one.ts'
import type { RepeatedDel } from './repeated-dels.ts'
import { describe } from './scenario.ts'
import { type Cell, formatNumber, formatTable } from './table.ts'

/** Everything that was measured, as dist/bench.json has it. */
export interface Report {
  readonly machine: Machine
  readonly size: string
  readonly floors: readonly Floor[]
  readonly oneByOne: readonly OneByOne[]
  readonly repeatedDels: readonly RepeatedDel[]
  readonly counts: readonly CallCounts[]
  readonly stages: readonly CallStages[]
  readonly bursts: readonly Burst[]
  readonly endurance: readonly MemoryAfter[]
}

const mega = 1e6

/** One paragraph about the machine. */
export function formatMachine(machine: Machine): string {
  const { cpu, cores, memoryGiB, kernel, node, goPlugins, commit, iptables, load } = machine
  return (
    `${cores} cores of ${cpu}, ${memoryGiB} GiB, kernel ${kernel}, ${iptables}\n` +
    `Debian's containernetworking-plugins ${goPlugins}; this repository at ${commit}, Node ${node}\n` +
    `load before: ${formatNumber(load)}` +
    (load > cores / 4 ? ', which is not quiet: do not rely on these figures\n' : '\n')
  )
}

export function formatFloors(floors: readonly Floor[]): string {
  return formatTable(
    ['what any process costs', 'p50 ms', 'p95', 'p99', 'CPU ms', 'peak MB'],
    floors.map(({ name, figures }) => [name, ...callCells(figures)]),
  )
}

/** One table for ADD and one for DEL, of one scenario. */
export function formatOneByOne(entries: readonly OneByOne[]): string {
  const [first] = entries
  if (first === undefined) return ''
  const title = `${describe(first.scenario)}; ${first.add.wallMs.count} pods one by one`
  const table = (command: 'add' | 'del') =>
    formatTable(
      [
        command.toUpperCase(),
        'p50 ms',
        'p95',
        'p99',
        'CPU ms',
        'peak MB',
        'p50 to Go',
        'CPU to Go',
        ...otherHeadings(entries, 'p50', 'CPU'),
      ],
      entries.map((entry) => [
        entry.contestant,
        ...callCells(entry[command]),
        entry[command].wallMs.p50 / first[command].wallMs.p50,
        entry[command].cpuMs / first[command].cpuMs,
        ...otherRatios(entry, entries, (each) => [each[command].wallMs.p50, each[command].cpuMs]),
      ]),
    )
  return `${title}\n${table('add')}\n${table('del')}${formatFallbacks(entries)}`
}

/** The table of DELs that find nothing; each plugin is compared with the first that has its name. */
export function formatRepeatedDels(dels: readonly RepeatedDel[]): string {
  return formatTable(
    [
      'DEL of nothing',
      'p50 ms',
      'p95',
      'p99',
      'CPU ms',
      'peak MB',
      'CPU to Go',
      ...otherHeadings(dels, 'CPU'),
    ],
    dels.map((del) => {
      const { contestant, plugin, figures } = del
      const ofPlugin = dels.filter((each) => each.plugin === plugin)
      const name = plugin === 'flannel' ? 'bridge' : plugin
      const go = dels.find((each) => each.plugin === name)
      const ratio = go === undefined ? NaN : figures.cpuMs / go.figures.cpuMs
      return [
        `${plugin}, ${contestant}`,
        ...callCells(figures),
        ratio,
        ...otherRatios(del, ofPlugin, (each) => [each.figures.cpuMs]),
      ]
    }),
  )
}

interface Entry {
  readonly contestant: string
}

/** The headings of ratios to the other build, if there is one among the entries. */
function otherHeadings(entries: readonly Entry[], ...figures: string[]): string[] {
  const isThere = entries.some(({ contestant }) => counterpart(contestant, entries) !== undefined)
  return isThere ? figures.map((figure) => `${figure} to other`) : []
}

/** The ratios of an entry's figures to those of the same contestant of the other build. */
function otherRatios<E extends Entry>(
  entry: E,
  entries: readonly E[],
  figuresOf: (entry: E) => number[],
): Cell[] {
  const other = counterpart(entry.contestant, entries)
  if (other === undefined) return []
  const others = figuresOf(other)
  return figuresOf(entry).map((figure, index) => figure / (others[index] ?? NaN))
}

function callCells({ wallMs, cpuMs, peakBytes }: CallFigures): Cell[] {
  return [wallMs.p50, wallMs.p95, wallMs.p99, cpuMs, peakBytes / mega]
}

export function formatCounts(counts: readonly CallCounts[]): string {
  return formatTable(
    [
      'what a call does',
      'ADD: processes',
      'netlink messages',
      'DEL: processes',
      'netlink messages',
    ],
    counts.map(({ scenario, contestant, add, del }) => [
      `${contestant}, ${describe(scenario)}`,
      ...[add, del].flatMap(({ processes, netlinkMessages }) => [
        String(processes),
        String(netlinkMessages),
      ]),
    ]),
  )
}

/** The stages of one command, and what it cost to have them told. */
export function formatStages({ contestant, command, ...figures }: CallStages): string {
  const { stages, tracedMs, untracedMs } = figures
  const table = formatTable(
    [`${command} of ${contestant}, by its stages`, 'p50 ms', 'of the whole'],
    stages.map(({ name, ms }) => [name, ms, `${Math.round((100 * ms) / tracedMs)} %`]),
  )
  const cost = `${formatNumber(tracedMs)} ms with trace, ${formatNumber(untracedMs)} ms without it`
  return `${table}\nthe whole call: ${cost}`
}

/** The table of bursts of one size. */
export function formatBursts(bursts: readonly Burst[]): string {
  const [first] = bursts
  if (first === undefined) return ''
  const { pods, workers, rounds } = first
  const often = rounds === 1 ? '' : `; the median of ${rounds} times`
  const title = `${pods} pods at once, ${workers} ${workers === 1 ? 'worker' : 'workers'}${often}`
  const table = (command: 'add' | 'del') =>
    formatTable(
      [
        command.toUpperCase(),
        'wall ms',
        'pods/s',
        'CPU ms/pod',
        'pod p50 ms',
        'p99',
        'pods/s to Go',
        ...otherHeadings(bursts, 'pods/s'),
      ],
      bursts.map((burst) => {
        const { contestant, [command]: figures } = burst
        return [
          contestant,
          figures.wallMs,
          figures.podsPerSecond,
          figures.cpuMsPerPod,
          figures.podMs.p50,
          figures.podMs.p99,
          figures.podsPerSecond / first[command].podsPerSecond,
          ...otherRatios(burst, bursts, (each) => [each[command].podsPerSecond]),
        ]
      }),
    )
  return `${title}\n${table('add')}\n${table('del')}${formatFallbacks(bursts)}`
}

function formatFallbacks(entries: readonly (OneByOne | Burst)[]): string {
  return entries
    .filter(({ fallbacks }) => fallbacks > 0)
    .map(({ contestant, fallbacks }) => `\n${contestant}: ${fallbacks} calls not by the server`)
    .join('')
}

export function formatEndurance(memory: readonly MemoryAfter[]): string {
  return formatTable(
    ['server after so many pods', 'pods', 'resident MB', 'anonymous MB'],
    memory.map(({ contestant, pods, resident, anonymous }) => [
      contestant,
      String(pods),
      resident / mega,
      anonymous / mega,
    ]),
  )
}
