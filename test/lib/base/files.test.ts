import { spawnSync } from 'node:child_process'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  makeFolder,
  overwriteFile,
  readSmallFile,
  readStateFile,
  replaceFile,
} from '../../../lib/base/files.ts'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { runSync } from '../../../scripts/lab/run.ts'

t.test('reads a file, also one of the kernel, which has no size', async (t) => {
  const path = join(t.testdir({ env: 'A=ä\n' }), 'env')
  t.equal(readSmallFile(path), 'A=ä\n')
  t.equal(readStateFile(path), 'A=ä\n')
  t.equal(readSmallFile('/proc/sys/kernel/ostype'), 'Linux\n')
})

t.test('refuses what is no small file', async (t) => {
  const dir = t.testdir({ large: '' })
  runSync(['mkfifo', join(dir, 'fifo')])
  truncateSync(join(dir, 'large'), 1024 * 1024 + 1)
  const refused: [name: string, message: string][] = [
    ['.', `read ${dir}: is a directory`],
    ['fifo', `read ${dir}/fifo: not a regular file`],
    ['large', `read ${dir}/large: larger than 1048576 bytes`],
  ]
  for (const [name, message] of refused) {
    for (const read of [readSmallFile, readStateFile]) {
      t.throws(() => read(join(dir, name)), { message })
    }
  }
  t.throws(() => readSmallFile(join(dir, 'missing')), { code: 'ENOENT' })
})

t.test('follows a link, but not to find its own state', async (t) => {
  const dir = t.testdir({ there: 'text' })
  symlinkSync('there', join(dir, 'link'))
  t.equal(readSmallFile(join(dir, 'link')), 'text')
  t.throws(() => readStateFile(join(dir, 'link')), { code: 'ELOOP' })
})

t.test('replaces a file, whatever an interrupted call left', async (t) => {
  const dir = t.testdir({ state: 'before, and longer', '.state': 'left' })
  const [path, temporary] = [join(dir, 'state'), join(dir, '.state')]
  replaceFile(path, temporary, 'after', 0o600)
  t.equal(readFileSync(path, 'utf8'), 'after')
  t.equal(lstatSync(path).mode & 0o777, 0o600)
  t.strictSame(readdirSync(dir), ['state'])

  symlinkSync('/etc/hostname', temporary)
  replaceFile(path, temporary, 'again', 0o600)
  t.ok(lstatSync(path).isFile(), 'a link in its way is replaced, not followed')
})

t.test('leaves nothing behind when a file cannot be replaced', async (t) => {
  const dir = t.testdir({ folder: { file: '' } })
  const path = join(dir, 'folder')
  t.throws(() => replaceFile(path, join(dir, '.folder'), 'text', 0o600), /EISDIR: .*, rename/)
  t.strictSame(readdirSync(dir), ['folder'])
  t.throws(() => replaceFile(path, join(dir, 'none/x'), 'text', 0o600), { code: 'ENOENT' })
})

t.test('keeps the old file when the disk is full', { skip: kernelSkip() }, async (t) => {
  // Two pages, one of which the old file takes: of the new one only a part can be written.
  const dir = t.testdir({})
  const disk = join(dir, 'disk')
  mkdirSync(disk)
  const script = join(dir, 'replace.ts')
  const source = join(import.meta.dirname, '../../../lib/base/files.ts')
  writeFileSync(
    script,
    `import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
    import { replaceFile } from '${source}'
    writeFileSync('${disk}/state', 'before')
    let code
    try {
      replaceFile('${disk}/state', '${disk}/.state', 'x'.repeat(10_000), 0o600)
    } catch (error) {
      code = error.code
    }
    const state = readFileSync('${disk}/state', 'utf8')
    console.log(JSON.stringify({ code, state, files: readdirSync('${disk}') }))`,
  )
  const mount = `mount -t tmpfs -o size=8k none "$1" && exec "$2" "$3"`
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['--mount', 'sh', '-c', mount, 'sh', disk, process.execPath, script],
    { encoding: 'utf8' },
  )
  t.same(JSON.parse(stdout || '{}'), { code: 'ENOSPC', state: 'before', files: ['state'] }, stderr)
})

t.test('makes a folder with those above it, for their owner only', async (t) => {
  const dir = t.testdir()
  makeFolder(join(dir, 'a/b'), 0o700)
  makeFolder(join(dir, 'a/b'), 0o755)
  for (const path of ['a', 'a/b']) t.equal(lstatSync(join(dir, path)).mode & 0o777, 0o700)
})

t.test('says why a folder cannot be made', async (t) => {
  const dir = t.testdir({ file: '' })
  t.throws(() => makeFolder(join(dir, 'file/a'), 0o700), { code: 'ENOTDIR', syscall: 'mkdir' })
  t.throws(() => makeFolder('/proc/nosuch/a', 0o700), { code: 'ENOENT', path: '/proc/nosuch' })
  t.throws(() => makeFolder('', 0o700), { code: 'ENOENT' })
})

t.test('overwrites a file where it stands', async (t) => {
  const path = join(t.testdir({ last: '10.1.2.100' }), 'last')
  const { ino } = statSync(path)
  for (const text of ['10.1.2.101', '10.1.3.1', '', '10.1.3.255']) {
    t.equal(overwriteFile(path, text), true)
    t.equal(readFileSync(path, 'utf8'), text)
  }
  t.equal(statSync(path).ino, ino)
})

t.test('overwrites nothing that is no file', async (t) => {
  const dir = t.testdir({ target: 'mine', folder: {} })
  symlinkSync('target', join(dir, 'link'))
  runSync(['mkfifo', join(dir, 'fifo')])
  for (const name of ['link', 'fifo', 'folder', 'missing']) {
    t.equal(overwriteFile(join(dir, name), 'text'), false, name)
  }
  t.equal(readFileSync(join(dir, 'target'), 'utf8'), 'mine')
  t.notOk(readdirSync(dir).includes('missing'))
})
