import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hasSameContent } from '../../../commands/install/same-content.ts'

t.test('compares every byte', async (t) => {
  const dir = t.testdir()
  const [a, b] = [join(dir, 'a'), join(dir, 'b')]
  const compare = (first: Buffer, second: Buffer) => {
    writeFileSync(a, first)
    writeFileSync(b, second)
    return hasSameContent(a, b)
  }
  for (const size of [0, 1, 1024 * 1024, 2 * 1024 * 1024 + 1]) {
    const bytes = Buffer.alloc(size, 7)
    t.ok(compare(bytes, bytes), `${size} bytes`)
    t.notOk(compare(bytes, Buffer.concat([bytes, Buffer.from('x')])), 'one is longer')
    if (size === 0) continue
    const other = Buffer.from(bytes)
    other[size - 1] = 8
    t.notOk(compare(bytes, other), 'the last byte differs')
  }
  t.throws(() => hasSameContent(a, join(dir, 'none')), { code: 'ENOENT' })
})
