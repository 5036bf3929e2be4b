/** What is aimed at, and whether it was reached: pure. */
import type { CallFigures, OneByOne } from './one-by-one.ts'
import type { Report } from './report.ts'
import { base, crowded, isSame, type Scenario } from './scenario.ts'
import { formatNumber, formatTable } from './table.ts'

export interface Target {
  readonly name: string
  readonly figure: number
  readonly bound: 'at most' | 'at least'
  readonly limit: number
}

/** The targets that were measured, with what was. */
export function targets(report: Report): Target[] {
  const all = [...oneShotTargets(report), ...residentTargets(report), ...burstTargets(report)]
  return all.filter(({ figure }) => Number.isFinite(figure))
}

function oneShotTargets({ oneByOne }: Report): Target[] {
  const p50 = (command: 'add' | 'del', name: string, scenario = base) =>
    find(oneByOne, name, scenario)?.[command].wallMs.p50 ?? NaN
  const growth = (command: 'add' | 'del', name: string) =>
    p50(command, name, crowded) / p50(command, name)
  const grown = (command: 'add' | 'del', name: string) => {
    const go = formatNumber(growth(command, 'go bridge'))
    const title = `${name} ${command.toUpperCase()} p50, 1000 pods to 2 (Go: ${go})`
    return atMost(1.1, title, growth(command, name))
  }
  const ours = oneByOne.filter(({ contestant }) => !/^(?:go|other) /.test(contestant))
  const peaks = ours.flatMap(({ add, del }) => [add.peakBytes, del.peakBytes])
  return [
    atMost(2.3, 'bridge ADD p50 to Go', p50('add', 'bridge') / p50('add', 'go bridge')),
    atMost(1.8, 'bridge DEL p50 to Go', p50('del', 'bridge') / p50('del', 'go bridge')),
    atMost(2, 'flannel ADD p50 beyond bridge, ms', p50('add', 'flannel') - p50('add', 'bridge')),
    ...['bridge', 'flannel'].flatMap((name) => [grown('add', name), grown('del', name)]),
    atMost(60, 'peak memory of any process, MB', Math.max(...peaks) / 1e6),
  ]
}

function residentTargets({ oneByOne, endurance }: Report): Target[] {
  const go = find(oneByOne, 'go bridge', base)
  const calls = ['bridge resident', 'flannel resident'].flatMap((name) => {
    const ours = find(oneByOne, name, base)
    return [
      atMost(
        0.6,
        `${name} ADD p50 to Go`,
        ratio(ours?.add, go?.add, ({ wallMs }) => wallMs.p50),
      ),
      atMost(
        0.9,
        `${name} DEL p50 to Go`,
        ratio(ours?.del, go?.del, ({ wallMs }) => wallMs.p50),
      ),
      atMost(
        0.5,
        `${name} CPU per ADD to Go`,
        ratio(ours?.add, go?.add, ({ cpuMs }) => cpuMs),
      ),
    ]
  })
  const servers = endurance.filter(({ contestant }) => !contestant.startsWith('other '))
  const memory = Math.max(...servers.map(({ resident }) => resident)) / 1e6
  return [...calls, atMost(120, 'memory of the server, MB', memory)]
}

/** Of the largest burst with several workers. */
function burstTargets({ bursts }: Report): Target[] {
  const largest = bursts
    .filter(({ workers }) => workers > 1)
    .reduce<(typeof bursts)[number] | undefined>(
      (most, each) => (each.pods > (most?.pods ?? 0) ? each : most),
      undefined,
    )
  if (largest === undefined) return []
  const { pods, workers } = largest
  const speed = (name: string) =>
    bursts.find(
      (each) => each.contestant === name && each.pods === pods && each.workers === workers,
    )?.add.podsPerSecond ?? NaN
  return ['bridge resident', 'flannel resident'].map((name) => ({
    name: `${name} ADDs per second to Go, ${pods} pods by ${workers}`,
    figure: speed(name) / speed('go bridge'),
    bound: 'at least' as const,
    limit: 2,
  }))
}

function atMost(limit: number, name: string, figure: number): Target {
  return { name, figure, bound: 'at most', limit }
}

function find(entries: readonly OneByOne[], name: string, scenario: Scenario) {
  return entries.find((entry) => entry.contestant === name && isSame(entry.scenario, scenario))
}

function ratio(
  ours: CallFigures | undefined,
  go: CallFigures | undefined,
  figure: (figures: CallFigures) => number,
): number {
  return ours === undefined || go === undefined ? NaN : figure(ours) / figure(go)
}

/** Whether the figure is within its limit. */
export function isReached({ figure, bound, limit }: Target): boolean {
  return bound === 'at most' ? figure <= limit : figure >= limit
}

export function formatTargets(all: readonly Target[]): string {
  return formatTable(
    ['target', 'measured', 'aim', ''],
    all.map((target) => [
      target.name,
      target.figure,
      `${target.bound === 'at most' ? '≤' : '≥'} ${formatNumber(target.limit)}`,
      isReached(target) ? 'reached' : 'MISSED',
    ]),
  )
}
