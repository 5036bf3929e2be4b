import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConf, removeConf, saveConf } from '../../../plugins/flannel/saved-conf.ts'
import { runSync } from '../../../scripts/lab/run.ts'
import { contextOf, requestOf } from '../../support/request.ts'
import { thrown } from '../../support/thrown.ts'

const conf = { type: 'bridge', stdin: '{"name":"net1","type":"bridge"}' }
const other = { type: 'ipvlan', stdin: '{"name":"net1","type":"ipvlan"}' }
const eth0 = requestOf()
const net1 = requestOf({ ifName: 'net1' })

interface Fixture {
  readonly dir: string
  readonly at: (name: string) => string
  readonly warnings: string[]
  readonly save: (request?: typeof eth0, delegate?: typeof conf) => () => void
  readonly load: (request?: typeof eth0) => string | undefined
}

function setUp(t: Test, files: Record<string, string> = {}): Fixture {
  const dir = t.testdir(files)
  const { log, warnings } = contextOf()
  return {
    dir,
    at: (name) => join(dir, name),
    warnings,
    save: (request = eth0, delegate = conf) => saveConf(dir, request, delegate, log),
    load: (request = eth0) => loadConf(dir, request, log)?.stdin,
  }
}

const read = (path: string) => readFileSync(path, 'utf8')
const mode = (path: string) => lstatSync(path).mode & 0o777

t.test('saves what Go saves, where Go saves it', async (t) => {
  const { at, save, load, warnings } = setUp(t)
  saveConf(at('var/lib'), eth0, conf, contextOf().log)
  t.equal(read(at('var/lib/c1')), conf.stdin)
  t.strictSame(
    [mode(at('var')), mode(at('var/lib')), mode(at('var/lib/c1'))],
    [0o700, 0o700, 0o600],
  )
  t.strictSame(readdirSync(at('var/lib')), ['c1'])
  save()
  t.equal(load(), conf.stdin)
  t.strictSame(warnings, [])
})

t.test('replaces a file in one step', async (t) => {
  const { at, save, dir } = setUp(t, { c1: other.stdin, '.c1': 'what a killed call left' })
  runSync(['chmod', '644', at('c1')])
  const { ino } = lstatSync(at('c1'))
  save()
  t.equal(read(at('c1')), conf.stdin)
  t.not(lstatSync(at('c1')).ino, ino, 'by another file')
  t.equal(mode(at('c1')), 0o600)
  t.strictSame(readdirSync(dir), ['c1'])
})

t.test('what was saved before can be put back', async (t) => {
  const { at, dir, save } = setUp(t)
  const remove = save()
  const restore = save(eth0, other)
  t.equal(read(at('c1')), other.stdin)
  restore()
  t.equal(read(at('c1')), conf.stdin)
  remove()
  t.strictSame(readdirSync(dir), [])
  remove()
})

t.test('follows no symbolic link, and puts a file in its place', async (t) => {
  const { at, dir, save, load, warnings } = setUp(t, { target: conf.stdin })
  symlinkSync('target', at('c1'))
  symlinkSync('target', at('.c1'))
  t.equal(load(), undefined)
  t.match(warnings, [/c1 should hold the .*: too many levels of symbolic links$/])
  const restore = save(eth0, other)
  t.equal(read(at('target')), conf.stdin)
  t.ok(lstatSync(at('c1')).isFile())
  t.equal(load(), other.stdin)
  restore()
  t.strictSame(readdirSync(dir), ['target'])
  symlinkSync('target', at('c1'))
  removeConf(dir, eth0)
  t.strictSame(readdirSync(dir), ['target'])
})

for (const [what, text, problem] of [
  ['empty', '', 'it is empty'],
  ['cut off', '{"name":"net1","ty', 'it is garbled'],
  ['zeros', '\0'.repeat(300), 'it is garbled'],
  ['no object', '["bridge"]', 'it is garbled'],
  ['without a type', '{"name":"net1"}', 'its "type" is missing'],
  ['with an empty type', '{"type":""}', 'its "type" is ""'],
  ['with a type that is no text', '{"type":5}', 'its "type" is 5'],
  ['of flannel itself', '{"type":"flannel"}', 'its "type" is "flannel"'],
] as const) {
  t.test(`a file that is ${what} is none, in one line`, async (t) => {
    const { at, dir, load, save, warnings } = setUp(t, { c1: text })
    t.equal(load(), undefined)
    const line = `${at('c1')} should hold the configuration of a delegate: ${problem}`
    t.strictSame(warnings, [line])
    save()()
    t.strictSame(readdirSync(dir), [], 'and is not put back')
  })
}

t.test('neither a folder nor a FIFO in place of the file stops a DEL', async (t) => {
  const { at, load, warnings } = setUp(t)
  mkdirSync(at('c1'))
  t.equal(load(), undefined)
  runSync(['mkfifo', at('c1:net1')])
  t.equal(load(net1), undefined)
  t.match(warnings, [/is a directory$/, /not a regular file$/, /is a directory$/])
})

t.test('an interface other than eth0 has a file of its own', async (t) => {
  const { at, dir, load, save } = setUp(t)
  save(eth0)
  save(net1, other)
  t.strictSame(readdirSync(dir).sort(), ['c1', 'c1:net1'])
  t.strictSame([load(eth0), load(net1)], [conf.stdin, other.stdin])
  removeConf(dir, net1)
  t.strictSame(readdirSync(dir), ['c1'])
  save(net1, other)
  removeConf(dir, eth0)
  t.strictSame(readdirSync(dir), ['c1:net1'])
  t.equal(load(eth0), undefined)
  t.equal(read(at('c1:net1')), other.stdin)
})

t.test('the file of Go serves every interface on its network', async (t) => {
  const { dir, load, warnings } = setUp(t, { c1: conf.stdin, c2: '{"name":"net2","type":"x"}' })
  t.equal(load(net1), conf.stdin)
  t.equal(load(requestOf({ containerId: 'c2', ifName: 'net1' })), undefined)
  t.match(load(requestOf({ containerId: 'c2' })), 'net2', 'eth0 may be of a network since renamed')
  removeConf(dir, net1)
  t.strictSame(readdirSync(dir).sort(), ['c1', 'c2'], 'it may be the one of eth0')
  t.strictSame(warnings, [])
})

t.test('removes what an interrupted call left, and again is fine', async (t) => {
  const { dir } = setUp(t, { c1: '', '.c1': '', '.c1:net1': '', c2: '', '.c2': '' })
  removeConf(dir, eth0)
  removeConf(dir, eth0)
  t.strictSame(readdirSync(dir).sort(), ['.c1:net1', '.c2', 'c2'])
  removeConf(dir, net1)
  t.strictSame(readdirSync(dir).sort(), ['.c2', 'c2'])
})

t.test('no folder means that nothing is saved', async (t) => {
  const { at, dir } = setUp(t, { file: '' })
  const { log, warnings } = contextOf()
  for (const dataDir of [at('none'), at('file')]) {
    t.equal(loadConf(dataDir, net1, log), undefined)
    t.doesNotThrow(() => removeConf(dataDir, net1))
  }
  t.strictSame(warnings, [])
  t.strictSame(readdirSync(dir), ['file'])
})

t.test('says what a folder that cannot be used has to be like', async (t) => {
  const { at, save } = setUp(t, { file: '' })
  mkdirSync(at('c1'))
  writeFileSync(at('c1/inside'), '')
  for (const [work, message] of [
    [() => save(), /^rename .*\/\.c1: /],
    [() => saveConf(at('file'), eth0, conf, contextOf().log), /^open .*\/file\/\.c1: not a dir/],
    [() => saveConf(at('file/x'), eth0, conf, contextOf().log), /^mkdir .*\/file\/x: not a dir/],
    [() => removeConf(at('.'), eth0), /^unlink .*\/c1: is a directory/],
  ] as const) {
    const error = thrown(work)
    t.match(error.message, message)
    t.equal(error.code, 5)
    t.match(error.details, /one file for each attachment in .*: it must be a writable folder/)
  }
})
