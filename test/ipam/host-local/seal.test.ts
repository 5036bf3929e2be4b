import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isSealed, seal } from '../../../ipam/host-local/seal.ts'

t.test('holds while nothing comes or goes', async (t) => {
  const dir = t.testdir({ file: 'x' })
  t.notOk(isSealed(dir))
  seal(dir)
  t.ok(isSealed(dir))
  readdirSync(dir)
  readFileSync(join(dir, 'file'))
  chmodSync(join(dir, 'file'), 0o600)
  t.ok(isSealed(dir))
  seal(dir)
  t.ok(isSealed(dir), 'twice')
})

const changes: Record<string, (dir: string) => void> = {
  'a new file': (dir) => writeFileSync(join(dir, 'new'), ''),
  'a new folder': (dir) => mkdirSync(join(dir, 'new')),
  'a new symbolic link': (dir) => symlinkSync('x', join(dir, 'new')),
  'a new hard link': (dir) => linkSync(join(dir, 'file'), join(dir, 'new')),
  'a new name': (dir) => renameSync(join(dir, 'file'), join(dir, 'new')),
  'a file in the place of another': (dir) => renameSync(join(dir, 'file'), join(dir, 'other')),
  'a removed file': (dir) => unlinkSync(join(dir, 'file')),
  'a removed folder': (dir) => rmdirSync(join(dir, 'folder')),
}

for (const [name, change] of Object.entries(changes)) {
  t.test(`is broken by ${name}`, async (t) => {
    const dir = t.testdir({ file: 'x', other: 'y', folder: {} })
    seal(dir)
    change(dir)
    t.notOk(isSealed(dir))
  })
}

t.test('of what is not there', async (t) => {
  const dir = join(t.testdir(), 'missing')
  t.throws(() => isSealed(dir), { code: 'ENOENT' })
  t.throws(() => seal(dir), { code: 'ENOENT' })
})
