import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DiskStore } from '../../../ipam/host-local/disk-store.ts'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { contextOf, type TestContext } from '../../support/request.ts'
import { ip } from './builders.ts'

const owner = createOwner('c1', 'eth0')

const sandbox = { bootId: 'boot 1', netns: '/run/netns/x', netnsInode: 42 }

interface Fixture {
  readonly dir: string
  readonly store: DiskStore
  readonly context: TestContext
}

function create(t: Test, files: Record<string, string> = {}): Fixture {
  const context = contextOf()
  const dir = t.testdir(files)
  const store = new DiskStore(dir, { bootId: 'boot 1', machine: undefined }, context)
  store.open()
  return { dir, store, context }
}

/** The names in the folder, less those of links. */
function filesIn(dir: string): string[] {
  return readdirSync(dir)
    .filter((name) => !name.includes(' '))
    .sort()
}

t.test('writes the files that Go writes', async (t) => {
  const { dir, store } = create(t)
  store.reserve(createOwner('   dummy\n ', 'eth0'), sandbox, [ip('10.1.2.2'), ip('2001:db8:1::2')])
  const contents = filesIn(dir).map((name) => [name, readFileSync(join(dir, name), 'utf8')])
  t.strictSame(contents, [
    ['10.1.2.2', 'dummy\r\neth0'],
    ['2001:db8:1::2', 'dummy\r\neth0'],
    ['last_reserved_ip.0', '10.1.2.2'],
    ['last_reserved_ip.1', '2001:db8:1::2'],
  ])
  for (const [name = ''] of contents) t.equal(lstatSync(join(dir, name)).mode & 0o777, 0o600, name)
})

t.test('reads what Go has written, old versions included', async (t) => {
  const { store } = create(t, {
    '10.1.2.2': 'c1\r\neth0',
    '10.1.2.3': ' c2 \n',
    'last_reserved_ip.0': '10.1.2.3',
    lock: '',
  })
  t.strictSame(
    [...store.owners()],
    [
      ['10.1.2.2', owner],
      ['10.1.2.3', { containerId: 'c2', ifName: '' }],
    ],
  )
  t.strictSame(store.lastReserved(0), ip('10.1.2.3'))
})

for (const [name, content] of Object.entries({
  empty: '',
  zeros: '\0'.repeat(68),
  'a line of something else': 'hello world',
  'another line end': 'c1\neth0',
  binary: '\u0001\u0002\ufffd',
})) {
  t.test(`takes back an address whose file is ${name}`, async (t) => {
    const { dir, store, context } = create(t, { '10.1.2.2': content })
    t.equal(store.owners().size, 0)
    t.equal(store.holder('10.1.2.2'), undefined)
    t.ok(store.reserve(owner, sandbox, [ip('10.1.2.2')]))
    t.equal(readFileSync(join(dir, '10.1.2.2'), 'utf8'), 'c1\r\neth0')
    t.match(context.warnings, [/10\.1\.2\.2 is empty or garbled/])
    t.equal(context.warnings.length, 1)
  })
}

t.test('leaves alone, and holds for taken, what is no file', async (t) => {
  const { dir, store } = create(t, { target: 'c1\r\neth0' })
  mkdirSync(join(dir, '10.1.2.2'))
  symlinkSync('target', join(dir, '10.1.2.3'))
  symlinkSync('nowhere', join(dir, '10.1.2.4'))
  for (const address of ['10.1.2.2', '10.1.2.3', '10.1.2.4']) {
    t.notOk(store.reserve(owner, sandbox, [ip(address)]), address)
    t.ok(store.owners().has(address))
  }
  t.strictSame(store.holdings(owner), [], 'no link is followed')
  t.notOk(existsSync(join(dir, 'nowhere')))
})

t.test('does not wait for the writer of a FIFO', async (t) => {
  const { dir, store } = create(t)
  execFileSync('mkfifo', [join(dir, '10.1.2.2')])
  t.equal(store.owners().size, 0)
})

t.test('does not write through a link in the place of the last address', async (t) => {
  const { dir, store, context } = create(t, { target: '10.1.2.9' })
  symlinkSync('target', join(dir, 'last_reserved_ip.0'))
  t.equal(store.lastReserved(0), undefined)
  t.match(context.warnings, [/last_reserved_ip\.0: too many levels of symbolic links/])
  store.reserve(owner, sandbox, [ip('10.1.2.2')])
  t.equal(readFileSync(join(dir, 'target'), 'utf8'), '10.1.2.9')
  t.ok(lstatSync(join(dir, 'last_reserved_ip.0')).isFile())
})

t.test('a garbled last address costs the rotation only', async (t) => {
  const { store } = create(t, { 'last_reserved_ip.0': '\0\0\0' })
  t.equal(store.lastReserved(0), undefined)
})

t.test('a reservation that cannot be finished leaves nothing', async (t) => {
  const { dir, store } = create(t)
  mkdirSync(join(dir, 'last_reserved_ip.0'))
  t.throws(() => store.reserve(owner, sandbox, [ip('10.1.2.2')]), {
    code: 5,
    message: /^reserving 10\.1\.2\.2: rename .*is a directory/,
    details: /must be writable and have space/,
  })
  t.strictSame(readdirSync(dir), ['last_reserved_ip.0'])
})

t.test('sweeps what is nobody’s, and nothing else', async (t) => {
  const { dir, store } = create(t, {
    '10.1.2.2': '',
    '10.1.2.3': 'c1\r\neth0',
    '10.1.2.4': 'c1',
    'last_reserved_ip.0': '',
    lock: '',
    README: '',
  })
  symlinkSync('nowhere', join(dir, '10.1.2.5'))
  mkdirSync(join(dir, 'lock.lock'))
  store.repair()
  t.strictSame(filesIn(dir), [
    '10.1.2.3',
    '10.1.2.4',
    '10.1.2.5',
    'README',
    'last_reserved_ip.0',
    'lock',
    'lock.lock',
  ])
})
