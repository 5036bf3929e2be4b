import t from 'tap'
import { burstTitle, medianRound } from '../../../scripts/bench/bursts.ts'

t.test('the round that took the median of the time, whole', async (t) => {
  const rounds = [30, 10, 20].map((ms) => ({ 'wall ms': ms, 'pods/s': 1000 / ms }))
  t.equal(medianRound(rounds), rounds[2])
  t.equal(medianRound(rounds.slice(0, 1)), rounds[0])
  t.throws(() => medianRound([]), { message: /no values/ })
})

t.test('bursts in words', async (t) => {
  t.equal(burstTitle('ADD', { pods: 8, workers: 1, rounds: 3 }), 'ADD, 8 pods at once by 1 worker')
  t.equal(burstTitle('DEL', { pods: 8, workers: 2, rounds: 1 }), 'DEL, 8 pods at once by 2 workers')
})
