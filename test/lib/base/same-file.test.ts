import { linkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isSameFile } from '../../../lib/base/same-file.ts'

t.test('knows one file under several names', async (t) => {
  const dir = t.testdir({ a: '', other: '' })
  const [a, b, c] = ['a', 'b', 'c'].map((name) => join(dir, name)) as [string, string, string]
  linkSync(a, b)
  symlinkSync('b', c)
  t.ok(isSameFile(a, b))
  t.ok(isSameFile(c, a))
  t.notOk(isSameFile(a, join(dir, 'other')))
  t.notOk(isSameFile(a, join(dir, 'missing')))
  t.notOk(isSameFile(join(dir, 'missing'), join(dir, 'missing')))
})
