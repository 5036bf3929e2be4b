import t from 'tap'
import { mean, percentile, sum } from '../../../scripts/bench/statistics.ts'

t.test('percentiles are values that were measured, by nearest rank', async (t) => {
  const values = [15, 50, 20, 40, 35]
  t.strictSame(
    [0, 5, 30, 40, 50, 100].map((percent) => percentile(values, percent)),
    [15, 15, 20, 20, 35, 50],
  )
  t.strictSame(values, [15, 50, 20, 40, 35])
  t.equal(percentile([7], 99), 7)
  t.throws(() => percentile([], 50), { message: 'no values to take a percentile of' })
})

t.test('sum and mean', async (t) => {
  t.equal(sum([]), 0)
  t.equal(mean([1, 2, 6]), 3)
  t.ok(Number.isNaN(mean([])))
})
