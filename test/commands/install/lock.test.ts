import t from 'tap'
import { lockFolder } from '../../../commands/install/lock.ts'
import { thrown } from '../../support/thrown.ts'

t.test('one at a time, until it is disposed of', async (t) => {
  const folder = t.testdir()
  const first = lockFolder(folder)
  t.match(
    thrown(() => lockFolder(folder)),
    { code: 11, message: `another cni install is at work in ${folder}` },
  )
  first[Symbol.dispose]()
  lockFolder(folder)[Symbol.dispose]()
})
