import t from 'tap'
import { timeLeft, TimeLimits } from '../../../lib/cni/time-limits.ts'
import { requestOf } from '../../support/request.ts'

t.test('what is left of the time, and 10 s when that is less', async (t) => {
  for (const [spent, left] of [
    [0, 90_000],
    [60_000, 30_000],
    [85_000, 10_000],
    [200_000, 10_000],
    [-5000, 90_000],
  ] as const) {
    t.equal(timeLeft(90_000, spent), left)
  }
  t.equal(timeLeft(500, 400), 500)
})

t.test('gives the delegates of a request one time together', async (t) => {
  let clock = 1000
  const limits = new TimeLimits(() => clock, 60_000)
  const [first, second] = [requestOf(), requestOf()]
  t.equal(limits.next(first), 60_000)
  clock += 20_000
  t.strictSame([limits.next(first), limits.next(second)], [40_000, 60_000])
  t.equal(new TimeLimits(() => clock).next(first), 80_000, 'the default')
})

t.test('the delegates of a delegate have the time that it has', async (t) => {
  let clock = 1000
  const limits = new TimeLimits(() => clock, 60_000)
  const [outer, inner, late] = [requestOf(), requestOf(), requestOf()]
  t.equal(limits.next(outer), 60_000)
  clock += 20_000
  limits.inherit(inner, outer)
  t.equal(limits.next(inner), 40_000)
  clock += 15_000
  t.strictSame([limits.next(inner), limits.next(outer)], [25_000, 25_000])
  clock += 60_000
  limits.inherit(late, outer)
  t.equal(limits.next(late), 10_000)
})
