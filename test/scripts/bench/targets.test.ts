import t from 'tap'
import { burstTitle } from '../../../scripts/bench/bursts.ts'
import { titleOf } from '../../../scripts/bench/in-turn.ts'
import { base, crowded } from '../../../scripts/bench/scenario.ts'
import type { Table } from '../../../scripts/bench/table.ts'
import { formatTargets, isReached, targets } from '../../../scripts/bench/targets.ts'

/** Tables of ADD and DEL in a scenario, by the median times of contestants. */
function attachments(scenario: typeof base, medians: Record<string, [add: number, del: number]>) {
  return (['ADD', 'DEL'] as const).map((command, index): Table => {
    const rows = Object.entries(medians).map(([name, both]) => {
      const ms = both[index] ?? NaN
      const peak = name.startsWith('bridge') || name.startsWith('flannel') ? 55 : 99
      return { name, values: { 'p50 ms': ms, 'CPU ms': ms, 'peak MB': peak } }
    })
    return { title: titleOf(command, scenario), how: '', rows }
  })
}

const small = { pods: 30, workers: 16, rounds: 1 }
const serial = { pods: 110, workers: 1, rounds: 1 }

/** The targets as `name`: figure, reached or not. */
function judged(tables: readonly Table[]) {
  return targets(tables, [serial, small]).map(
    (target) => `${target.name}: ${target.figure.toFixed(2)} ${isReached(target)}`,
  )
}

t.test('targets of what was measured, and no others', async (t) => {
  const tables = [
    ...attachments(base, {
      'go bridge': [10, 20],
      bridge: [22, 40],
      flannel: [25, 40],
      'other bridge': [1, 1],
    }),
    ...attachments(crowded, { 'go bridge': [13, 20], bridge: [22, 48] }),
  ]
  t.strictSame(judged(tables), [
    'bridge ADD p50 to Go: 2.20 true',
    'bridge DEL p50 to Go: 2.00 false',
    'flannel ADD p50 beyond bridge, ms: 3.00 false',
    'bridge ADD p50, 1000 pods to 2 (Go: 1.30): 1.00 true',
    'bridge DEL p50, 1000 pods to 2 (Go: 1): 1.20 false',
    'peak memory of any process, MB: 55.00 true',
  ])
  t.strictSame(judged([]), [])
})

t.test('targets of the resident mode', async (t) => {
  const speed = (name: string, podsPerSecond: number) => {
    return { name, values: { 'pods/s': podsPerSecond } }
  }
  const memory = (name: string, mb: number) => ({ name, values: { 'resident MB': mb } })
  const found = judged([
    ...attachments(base, { 'go bridge': [10, 20], 'bridge resident': [5, 19] }),
    {
      title: burstTitle('ADD', small),
      how: '',
      rows: [speed('go bridge', 50), speed('bridge resident', 125)],
    },
    {
      title: burstTitle('ADD', serial),
      how: '',
      rows: [speed('go bridge', 50), speed('bridge resident', 50)],
    },
    {
      title: 'memory',
      how: '',
      rows: [memory('flannel resident, 8', 130), memory('other flannel resident, 8', 150)],
    },
  ])
  t.strictSame(found.slice(-5), [
    'bridge resident ADD p50 to Go: 0.50 true',
    'bridge resident DEL p50 to Go: 0.95 false',
    'bridge resident CPU per ADD to Go: 0.50 true',
    'memory of the server, MB: 130.00 false',
    'bridge resident ADDs per second to Go, 30 pods by 16: 2.50 true',
  ])
})

t.test('as text', async (t) => {
  const text = formatTargets([
    { name: 'a', figure: 3, bound: 'at least', limit: 2 },
    { name: 'b', figure: 3.5, bound: 'at most', limit: 2 },
  ])
  t.strictSame(text.split('\n').slice(1), [
    'a              3  ≥ 2  reached',
    'b           3.50  ≤ 2   MISSED',
  ])
})
