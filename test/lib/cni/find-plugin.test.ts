import { chmodSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findPlugin } from '../../../lib/cni/find-plugin.ts'
import { thrown } from '../../support/thrown.ts'

/** Two folders: executables `one`, `both` and `linked`, and `text`, which nobody may execute. */
function setUp(t: Test) {
  const root = t.testdir({
    a: { both: '', one: '', text: '', folder: {} },
    b: { both: '', text: '', folder: '' },
  })
  const [a, b] = [join(root, 'a'), join(root, 'b')]
  for (const file of ['a/both', 'a/one', 'b/both', 'b/folder']) chmodSync(join(root, file), 0o755)
  for (const file of ['a/text', 'b/text']) chmodSync(join(root, file), 0o644)
  symlinkSync('one', join(a, 'linked'))
  symlinkSync('nowhere', join(a, 'dangling'))
  return { a, b, path: `${a}:${b}` }
}

t.test('takes the first executable file of the name', async (t) => {
  const { a, b, path } = setUp(t)
  t.equal(findPlugin('one', path), `${a}/one`)
  t.equal(findPlugin('both', path), `${a}/both`)
  t.equal(findPlugin('both', `${b}:${a}`), `${b}/both`)
  t.equal(findPlugin('both', `/nowhere::${b}:`), `${b}/both`, 'empty entries do not count')
  t.equal(findPlugin('linked', path), `${a}/linked`, 'a link to one')
  t.equal(findPlugin('folder', path), `${b}/folder`, 'a folder is none')
})

t.test('passes over a file that nobody may execute', async (t) => {
  const { a, b, path } = setUp(t)
  chmodSync(join(b, 'text'), 0o755)
  t.equal(findPlugin('text', path), `${b}/text`)
  chmodSync(join(b, 'text'), 0o644)
  const error = thrown(() => findPlugin('text', path))
  t.equal(error.code, 999)
  t.equal(error.message, `failed to find plugin "text" in path [${a} ${b}]`)
  t.equal(error.details, `${a}/text is not executable: chmod 755 ${a}/text`)
})

const refused: [type: string, path: string, message: string, details: RegExp][] = [
  ['', '/bin', 'no plugin name provided', /"type"/],
  ['', '', 'no plugin name provided', /"type"/],
  ['a/b', '/bin', 'invalid plugin name: a/b', /file name alone/],
  ['../sh', '/bin', 'invalid plugin name: ../sh', /file name alone/],
  ['/bin/sh', '/bin', 'invalid plugin name: /bin/sh', /file name alone/],
  ['bridge', '', 'no paths provided', /CNI_PATH/],
  ['bridge', ':', 'no paths provided', /CNI_PATH/],
  ['..', '/bin:/usr', 'failed to find plugin ".." in path [/bin /usr]', /install the \.\. plugin/],
  ['dangling', '/none', 'failed to find plugin "dangling" in path [/none]', /install/],
  ['a\nb', '/none', 'failed to find plugin "a\\nb" in path [/none]', /install/],
  ['a\0b', '/none', 'failed to find plugin "a\\u0000b" in path [/none]', /install/],
]

t.test('says what to do about a plugin that is not there', async (t) => {
  for (const [type, path, message, details] of refused) {
    const error = thrown(() => findPlugin(type, path))
    t.equal(error.message, message)
    t.match(error, { code: 999, details })
  }
})

t.test('goes on where a name or a path is impossible', async (t) => {
  const { a, path } = setUp(t)
  symlinkSync('loop', join(a, 'loop'))
  t.equal(findPlugin('both', `${a}/loop:/${'x'.repeat(300)}:${a}/one:${a}`), `${a}/both`)
  for (const type of ['dangling', 'loop', 'x'.repeat(300)]) {
    t.match(thrown(() => findPlugin(type, path)).message, /^failed to find plugin/)
  }
})
