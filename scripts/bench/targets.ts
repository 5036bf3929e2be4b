/** What is aimed at, and whether it was reached: pure. */
import { burstTitle } from './bursts.ts'
import { titleOf } from './in-turn.ts'
import { base, crowded } from './scenario.ts'
import type { BurstSize } from './size.ts'
import { alignColumns, formatNumber, type Table, valueIn } from './table.ts'

export interface Target {
  readonly name: string
  readonly figure: number
  readonly bound: 'at most' | 'at least'
  readonly limit: number
}

/** The targets that were measured, with what was; those of bursts are about the largest. */
export function targets(tables: readonly Table[], bursts: readonly BurstSize[]): Target[] {
  const of = (command: 'ADD' | 'DEL', name: string, column = 'p50 ms', scenario = base) =>
    valueIn(tables, titleOf(command, scenario), name, column)
  const toGo = (command: 'ADD' | 'DEL', name: string, column?: string) =>
    of(command, name, column) / of(command, 'go bridge', column)
  const growth = (command: 'ADD' | 'DEL', name: string) =>
    of(command, name, 'p50 ms', crowded) / of(command, name)
  const most = (column: string, rows: readonly Table['rows'][number][]) =>
    Math.max(...rows.map(({ values }) => values[column] ?? -Infinity))
  const isOurs = ({ name }: { name: string }) => /^(?:bridge|flannel)\b/.test(name)
  const ours = tables.flatMap(({ rows }) => rows.filter(isOurs))
  const burst = bursts.filter(({ workers }) => workers > 1).sort((a, b) => b.pods - a.pods)[0]
  const speed = (name: string) =>
    burst === undefined ? NaN : valueIn(tables, burstTitle('ADD', burst), name, 'pods/s')

  const all = [
    atMost(2.3, 'bridge ADD p50 to Go', toGo('ADD', 'bridge')),
    atMost(1.8, 'bridge DEL p50 to Go', toGo('DEL', 'bridge')),
    atMost(2, 'flannel ADD p50 beyond bridge, ms', of('ADD', 'flannel') - of('ADD', 'bridge')),
    ...['bridge', 'flannel'].flatMap((name) =>
      (['ADD', 'DEL'] as const).map((command) => {
        const go = formatNumber(growth(command, 'go bridge'))
        const title = `${name} ${command} p50, 1000 pods to 2 (Go: ${go})`
        return atMost(1.1, title, growth(command, name))
      }),
    ),
    atMost(60, 'peak memory of any process, MB', most('peak MB', ours)),
    ...['bridge resident', 'flannel resident'].flatMap((name) => [
      atMost(0.6, `${name} ADD p50 to Go`, toGo('ADD', name)),
      atMost(0.9, `${name} DEL p50 to Go`, toGo('DEL', name)),
      atMost(0.5, `${name} CPU per ADD to Go`, toGo('ADD', name, 'CPU ms')),
    ]),
    atMost(120, 'memory of the server, MB', most('resident MB', ours)),
    ...['bridge resident', 'flannel resident'].map((name): Target => {
      const title = `${name} ADDs per second to Go, ${burst?.pods} pods by ${burst?.workers}`
      const figure = speed(name) / speed('go bridge')
      return { name: title, figure, bound: 'at least', limit: 2 }
    }),
  ]
  return all.filter(({ figure }) => Number.isFinite(figure))
}

/** A target that is reached by a figure of this limit or less. */
export function atMost(limit: number, name: string, figure: number): Target {
  return { name, figure, bound: 'at most', limit }
}

/** Whether the figure is within its limit. */
export function isReached({ figure, bound, limit }: Target): boolean {
  return bound === 'at most' ? figure <= limit : figure >= limit
}

export function formatTargets(all: readonly Target[]): string {
  const lines = all.map((target) => [
    target.name,
    formatNumber(target.figure),
    `${target.bound === 'at most' ? '≤' : '≥'} ${formatNumber(target.limit)}`,
    isReached(target) ? 'reached' : 'MISSED',
  ])
  return alignColumns([['target', 'measured', 'aim', ''], ...lines])
}
