import t from 'tap'
import type { Report } from '../../../scripts/bench/report.ts'
import { base, crowded } from '../../../scripts/bench/scenario.ts'
import { formatTargets, isReached, targets } from '../../../scripts/bench/targets.ts'

/** Figures of which only what targets look at differs. */
function figures(p50: number, cpuMs = p50) {
  return { wallMs: { count: 1, min: 0, p50, p95: 0, p99: 0 }, cpuMs, peakBytes: 55e6 }
}

function entry(contestant: string, scenario: typeof base, add: number, del: number) {
  return { contestant, scenario, add: figures(add), del: figures(del), fallbacks: 0 }
}

const burst = (contestant: string, pods: number, workers: number, podsPerSecond: number) => {
  const { wallMs: podMs } = figures(1)
  const add = { wallMs: 1, podsPerSecond, cpuMsPerPod: 1, podMs }
  return { contestant, pods, workers, rounds: 1, add, del: add, fallbacks: 0 }
}

const report: Report = {
  machine: {
    ...{ cpu: 'x', cores: 2, memoryGiB: 1, kernel: 'x', node: 'x', goPlugins: 'x' },
    ...{ commit: 'x', iptables: 'x', load: 0 },
  },
  size: '',
  floors: [],
  repeatedDels: [],
  oneByOne: [
    entry('go bridge', base, 10, 20),
    entry('bridge', base, 22, 40),
    entry('flannel', base, 25, 40),
    entry('go bridge', crowded, 13, 20),
    entry('bridge', crowded, 22, 48),
    entry('other bridge', base, 99, 99),
  ],
  counts: [],
  stages: [],
  bursts: [],
  endurance: [],
}

/** The targets as `name`: figure, reached or not. */
function judged(changes: Partial<Report> = {}) {
  return targets({ ...report, ...changes }).map(
    (target) => `${target.name}: ${target.figure.toFixed(2)} ${isReached(target)}`,
  )
}

t.test('targets of what was measured, and no others', async (t) => {
  t.strictSame(judged(), [
    'bridge ADD p50 to Go: 2.20 true',
    'bridge DEL p50 to Go: 2.00 false',
    'flannel ADD p50 beyond bridge, ms: 3.00 false',
    'bridge ADD p50, 1000 pods to 2 (Go: 1.30): 1.00 true',
    'bridge DEL p50, 1000 pods to 2 (Go: 1.00): 1.20 false',
    'peak memory of any process, MB: 55.00 true',
  ])
  t.strictSame(judged({ oneByOne: [] }), [])
})

t.test('targets of the resident mode', async (t) => {
  const [go] = report.oneByOne
  const found = judged({
    oneByOne: [...(go ? [go] : []), entry('bridge resident', base, 5, 19)],
    endurance: [{ contestant: 'bridge resident', pods: 1, resident: 130e6, anonymous: 1 }],
    bursts: [
      burst('go bridge', 110, 1, 50),
      burst('go bridge', 30, 16, 50),
      burst('bridge resident', 30, 16, 125),
    ],
  })
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
    { name: 'b', figure: 3, bound: 'at most', limit: 2 },
  ])
  t.strictSame(text.split('\n').slice(1), [
    'a           3.00  ≥ 2.00  reached',
    'b           3.00  ≤ 2.00   MISSED',
  ])
})
