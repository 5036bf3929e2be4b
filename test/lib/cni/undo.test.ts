import t from 'tap'
import { CniError } from '../../../lib/cni/errors.ts'
import { withUndo } from '../../../lib/cni/undo.ts'
import { contextOf } from '../../support/request.ts'

t.test('keeps what was done when all went well', async (t) => {
  const { log } = contextOf()
  const undone: string[] = []
  const value = withUndo(log, (undo) => {
    undo.add('a', () => undone.push('a'))
    return 5
  })
  t.equal(value, 5)
  t.strictSame(undone, [])
})

t.test('takes everything back, last one first, and throws the first error', async (t) => {
  const { log, warnings } = contextOf()
  const undone: string[] = []
  const work = () =>
    withUndo(log, (undo) => {
      undo.add('link', () => undone.push('link'))
      undo.add('address', () => {
        undone.push('address')
        throw new CniError(50, 'is held', 'release it')
      })
      undo.add('route', () => undone.push('route'))
      throw new Error('the work failed')
    })
  t.throws(work, { message: 'the work failed' })
  t.strictSame(undone, ['route', 'address', 'link'])
  t.strictSame(warnings, ['rollback: address: is held; release it'])
})

t.test('takes back only what was declared', async (t) => {
  const { log } = contextOf()
  const undone: string[] = []
  const work = () =>
    withUndo(log, (undo) => {
      undo.add('a', () => undone.push('a'))
      if (undone.length === 0) throw new Error('early')
      undo.add('b', () => undone.push('b'))
    })
  t.throws(work, { message: 'early' })
  t.strictSame(undone, ['a'])
})

t.test('takes nothing back twice', async (t) => {
  const { log } = contextOf()
  let times = 0
  withUndo(log, (undo) => {
    undo.add('a', () => times++)
    undo.run(log)
    undo.run(log)
  })
  t.equal(times, 1)
})
