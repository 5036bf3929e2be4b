import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { flock } from '../../../lib/linux/libc.ts'
import { withLock } from '../../../plugins/portmap/lock.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const LOCK_EX = 2

t.test('one at a time', async (t) => {
  const folder = join(t.testdir(), 'portmap')
  const context = contextOf()
  t.equal(
    withLock(folder, context, () => 'done'),
    'done',
  )
  t.throws(() => withLock(folder, context, () => JSON.parse('{')), SyntaxError)
  t.strictSame(context.sleeps, [], 'free again after an error')
  const nested = () => withLock(folder, context, () => 'never')
  const error = thrown(() => withLock(folder, context, nested))
  t.equal(error.code, 11)
  t.equal(error.message, `waited 30000 ms for the lock ${folder}/lock`)
  t.match(error.details, `which fuser ${folder}/lock names`)
})

t.test('waits for its turn', async (t) => {
  const folder = t.testdir()
  const fd = openSync(join(folder, 'lock'), 'w')
  flock(fd, LOCK_EX)
  let naps = 0
  const sleep = () => {
    if (++naps === 3) closeSync(fd)
  }
  t.equal(
    withLock(folder, contextOf({ sleep }), () => 'done'),
    'done',
  )
  t.equal(naps, 3)
})
