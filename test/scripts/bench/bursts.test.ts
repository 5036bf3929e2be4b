import t from 'tap'
import { type Burst, type BurstFigures, medianBurst } from '../../../scripts/bench/bursts.ts'
import { distribution } from '../../../scripts/bench/statistics.ts'

function figures(wallMs: number): BurstFigures {
  return {
    wallMs,
    podsPerSecond: 1000 / wallMs,
    cpuMsPerPod: wallMs,
    podMs: distribution([wallMs]),
  }
}

function burst(add: number, del: number, fallbacks: number): Burst {
  const size = { contestant: 'bridge', pods: 1, workers: 1, rounds: 3 }
  return { ...size, add: figures(add), del: figures(del), fallbacks }
}

t.test('the median of rounds, for ADD and DEL each', async (t) => {
  const rounds = [burst(30, 1, 1), burst(10, 3, 0), burst(20, 2, 4)]
  t.strictSame(medianBurst(rounds), [burst(20, 2, 5)])
  t.strictSame(medianBurst(rounds.slice(0, 1)), [burst(30, 1, 1)])
  t.strictSame(medianBurst([]), [])
})
