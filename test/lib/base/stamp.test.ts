import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { formatStamp, readStamp } from '../../../lib/base/stamp.ts'
import { version } from '../../../lib/base/version.ts'

t.test('reads back what it writes', async (t) => {
  const file = join(t.testdir(), 'file')
  for (const version of ['0.1.0', '10.20.30', '1.2.999999999']) {
    for (const content of ['', 'x', 'x'.repeat(1000)]) {
      writeFileSync(file, content + formatStamp(version))
      t.equal(readStamp(file), version)
    }
  }
})

t.test('the version of this plugin set fits', async (t) => {
  t.match(formatStamp(version), version)
  for (const other of ['', '1.2', '1.2.3-rc.1', 'v1.2.3', '1.2.3\n', `1.2.${'3'.repeat(99)}`]) {
    t.throws(() => formatStamp(other), RangeError, other)
  }
})

t.test('other files have none', async (t) => {
  const dir = t.testdir({
    empty: '',
    text: 'flannel-ts v1.2.3',
    cut: formatStamp('1.2.3').slice(0, -1),
    behind: `${formatStamp('1.2.3')}x`,
  })
  mkdirSync(join(dir, 'folder'))
  symlinkSync('nowhere', join(dir, 'dangling'))
  symlinkSync('loop', join(dir, 'loop'))
  execFileSync('mkfifo', [join(dir, 'fifo')])
  for (const name of ['empty', 'text', 'cut', 'behind', 'folder', 'dangling', 'loop', 'fifo']) {
    t.equal(readStamp(join(dir, name)), undefined, name)
  }
  t.equal(readStamp(join(dir, 'none')), undefined)
  t.equal(readStamp(join(dir, 'empty/below')), undefined)
})
