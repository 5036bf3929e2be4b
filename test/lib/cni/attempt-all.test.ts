import t from 'tap'
import { attemptAll } from '../../../lib/cni/attempt-all.ts'
import { CniError } from '../../../lib/cni/errors.ts'
import { thrown } from '../../support/thrown.ts'

/** Steps that record themselves, those with an error failing with it. */
function steps(...errors: (Error | undefined)[]) {
  const done: number[] = []
  const run = errors.map((error, index) => () => {
    done.push(index)
    if (error !== undefined) throw error
  })
  return { done, run }
}

t.test('runs every step', async (t) => {
  const { done, run } = steps(undefined, undefined)
  attemptAll(run)
  t.strictSame(done, [0, 1])
  t.doesNotThrow(() => attemptAll([]))
})

t.test('throws the one error as it is', async (t) => {
  const error = new CniError(11, 'busy', 'wait')
  const { done, run } = steps(undefined, error, undefined)
  t.equal(
    thrown(() => attemptAll(run)),
    error,
  )
  t.strictSame(done, [0, 1, 2])
})

t.test('throws all errors as one, with the code of the first', async (t) => {
  const { done, run } = steps(
    new CniError(11, 'busy', 'wait'),
    new Error('plain'),
    undefined,
    new CniError(7, 'wrong', 'correct it'),
    new CniError(7, 'wrong too', 'correct it'),
  )
  const error = thrown(() => attemptAll(run))
  t.strictSame(error.toObject(), {
    code: 11,
    msg: 'busy; plain; wrong; wrong too',
    details: 'wait; correct it',
  })
  t.strictSame(done, [0, 1, 2, 3, 4])
  t.equal((error.cause as AggregateError).errors.length, 4)
})
