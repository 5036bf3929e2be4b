import { join } from 'node:path'
import t from 'tap'
import { findConfList, readConfFiles } from '../../../lib/libcni/conf-dir.ts'
import { contextOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

type Files = { [name: string]: string | Files }

const list = (name: string, keys: object = {}) =>
  JSON.stringify({ name, cniVersion: '0.4.0', plugins: [{ type: `in-${name}` }], ...keys })
const single = (name: string, type: string) => JSON.stringify({ name, type })

/** The types of the plugins that are found for network `net1`. */
function typesIn(folder: string): string[] {
  return findConfList(folder, 'net1').plugins.map(({ type }) => type)
}

const found: [what: string, files: Files, want: string[]][] = [
  ['a list', { '50-x.conflist': list('net1') }, ['in-net1']],
  ['a .conf', { '50-x.conf': single('net1', 'single') }, ['single']],
  ['a .json', { '50-x.json': single('net1', 'single') }, ['single']],
  [
    'the list before the single configuration',
    { '49-x.conf': single('net1', 'single'), '50-x.conflist': list('net1') },
    ['in-net1'],
  ],
  [
    'the first by file name',
    {
      '20-x.conflist': list('net1', { plugins: [{ type: 'second' }] }),
      '10-x.conflist': list('net1', { plugins: [{ type: 'first' }] }),
      '00-x.conflist': list('other'),
    },
    ['first'],
  ],
  [
    'the plugins in the folder after those of the list',
    { 'x.conflist': list('net1'), net1: { 'b.conf': '{"type":"b"}', 'a.conf': '{"type":"a"}' } },
    ['in-net1', 'a', 'b'],
  ],
  [
    'the plugins in the folder alone',
    { 'x.conflist': list('net1', { plugins: undefined }), net1: { 'a.conf': '{"type":"a"}' } },
    ['a'],
  ],
  [
    'only those of the list when it says so',
    {
      'x.conflist': list('net1', { loadOnlyInlinedPlugins: true }),
      net1: { 'a.conf': '{"type":"a"}' },
    },
    ['in-net1'],
  ],
  ['nothing wrong with an empty folder', { 'x.conflist': list('net1'), net1: {} }, ['in-net1']],
]

t.test('finds', async (t) => {
  for (const [what, files, want] of found) t.strictSame(typesIn(t.testdir(files)), want, what)
})

t.test('says that there is nothing', async (t) => {
  const empty = t.testdir({ 'notes.txt': '', sub: { '10-x.conflist': list('net1') } })
  t.equal(thrown(() => typesIn(empty)).message, `no net configurations found in ${empty}`)
  const missing = join(empty, 'missing')
  t.equal(thrown(() => typesIn(missing)).message, `no net configurations found in ${missing}`)
  const other = t.testdir({ '10-x.conflist': list('other') })
  const error = thrown(() => typesIn(other))
  t.equal(error.message, `no net configuration with name "net1" in ${other}`)
  t.match(error.details, '10-x.conflist')
})

const broken: [name: string, msg: RegExp][] = [
  ['00-bad.conflist', /^error parsing configuration list: Expected property name .* column 2/],
  ['00-bad.conf', /^error parsing configuration: Expected property name .* column 2/],
]

t.test('stops at the first malformed file and names it', async (t) => {
  for (const [name, msg] of broken) {
    const folder = t.testdir({ [name]: '{', '10-x.conf': single('net1', 'x') })
    const error = thrown(() => typesIn(folder))
    t.match(error.message, msg)
    t.match(error.details, join(folder, name))
  }
})

t.test('names a file that cannot be read', async (t) => {
  const folder = t.testdir({ '10-x.conflist': t.fixture('symlink', 'nowhere') })
  const file = join(folder, '10-x.conflist')
  const want = `error reading ${file}: open ${file}: no such file or directory`
  t.equal(thrown(() => typesIn(folder)).message, want)
})

t.test('wants a plugin', async (t) => {
  const folder = t.testdir({ 'x.conflist': list('net1', { plugins: undefined }) })
  const error = thrown(() => typesIn(folder))
  t.equal(error.message, 'no plugin configs found')
  t.match(error.details, join(folder, 'net1'))
})

t.test('looks into no folder outside', async (t) => {
  const folder = t.testdir({
    'net.d': { 'x.conflist': list('../out') },
    out: { 'a.conf': '{"type":"a"}' },
  })
  const error = thrown(() => findConfList(join(folder, 'net.d'), '../out'))
  t.equal(error.message, 'invalid characters found in network name')
})

t.test('reads every file, and leaves those alone that cannot be read', async (t) => {
  const folder = t.testdir({
    '20-x.conf': single('net1', 'single'),
    '30-x.conflist': list('net1'),
    '10-x.conflist': list('net2'),
    net2: { 'a.conf': '{"type":"a"}' },
    '15-x.conflist': '{',
    'notes.txt': 'x',
  })
  const { log, warnings } = contextOf()
  const read = readConfFiles(folder, log).map(({ file, list: { name, plugins } }) => [
    file,
    name,
    ...plugins.map(({ type }) => type),
  ])
  t.strictSame(read, [
    [join(folder, '10-x.conflist'), 'net2', 'in-net2', 'a'],
    [join(folder, '30-x.conflist'), 'net1', 'in-net1'],
    [join(folder, '20-x.conf'), 'net1', 'single'],
  ])
  t.match(warnings, [/15-x\.conflist is left alone: error parsing/])
  t.strictSame(readConfFiles(join(folder, 'none'), log), [])
})
