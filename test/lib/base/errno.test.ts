import { spawnSync } from 'node:child_process'
import { constants } from 'node:os'
import t from 'tap'
import { errnoText } from '../../../lib/base/errno.ts'

/** The numbers of the errors that a process, its files and its sockets can meet. */
const numbers = [...Object.values(constants.errno)]

t.test('the texts are those of the C library, with a small first letter', async (t) => {
  const script = numbers.map((errno) => `$!=${errno};print "$!\\n";`).join('')
  const { stdout } = spawnSync('perl', ['-e', script], { encoding: 'utf8', env: { LC_ALL: 'C' } })
  const expected = stdout.trimEnd().split('\n')
  t.equal(expected.length, numbers.length)
  for (const [index, errno] of numbers.entries()) {
    const text = expected[index] ?? ''
    const found = errnoText(errno)
    if (found !== `unknown error ${errno}`)
      t.equal(found, text.charAt(0).toLowerCase() + text.slice(1))
  }
})
