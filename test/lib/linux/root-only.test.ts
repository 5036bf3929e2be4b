import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { distrust } from '../../../lib/linux/root-only.ts'

const options = { skip: process.getuid?.() !== 0 && 'needs root, to give files away' }
const stranger = 4711

/** A folder of root's with `a/b/tool`. */
function setUp(t: { teardown(remove: () => void): void }) {
  const dir = mkdtempSync(join(tmpdir(), 'cnits-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'a/b'), { recursive: true })
  writeFileSync(join(dir, 'a/b/tool'), '', { mode: 0o755 })
  return { dir, a: join(dir, 'a'), b: join(dir, 'a/b'), tool: join(dir, 'a/b/tool') }
}

t.test('what root alone decides', options, async (t) => {
  const { dir, a, b, tool } = setUp(t)
  for (const path of ['/', '/usr/bin', dir, b, tool, `${b}//./../b/tool`]) {
    t.equal(distrust(path), undefined, path)
  }
  symlinkSync(b, join(dir, 'absolute'))
  symlinkSync('../a/b', join(a, 'relative'))
  symlinkSync('../absolute', join(a, 'twice'))
  for (const name of ['absolute', 'a/relative', 'a/twice']) {
    t.equal(distrust(join(dir, name, 'tool')), undefined, name)
  }
  t.throws(() => distrust(join(b, 'none/x')), { code: 'ENOENT' })
})

t.test('what belongs to another user', options, async (t) => {
  for (const part of ['a', 'b', 'tool'] as const) {
    const paths = setUp(t)
    chownSync(paths[part], stranger, 0)
    t.equal(distrust(paths.tool), `${paths[part]} belongs to user ${stranger}`)
  }
  const { dir, a, b } = setUp(t)
  const link = join(dir, 'link')
  symlinkSync(b, link)
  lchownSync(link, stranger, 0)
  t.equal(distrust(link), `${link} belongs to user ${stranger}`, 'a link')
  // from root's folder through a stranger's back to root's
  chownSync(a, stranger, 0)
  const inner = join(a, 'inner')
  symlinkSync('/usr', inner)
  symlinkSync(inner, join(dir, 'outer'))
  t.equal(distrust(join(dir, 'outer/bin')), `${a} belongs to user ${stranger}`, 'on the way')
})

t.test('what others can write', options, async (t) => {
  for (const mode of [0o775, 0o757]) {
    for (const part of ['a', 'b', 'tool'] as const) {
      const paths = setUp(t)
      chmodSync(paths[part], mode)
      t.equal(distrust(paths.tool), `others than root can write ${paths[part]}`)
    }
  }
  const { dir, a, b, tool } = setUp(t)
  chmodSync(a, 0o1777)
  t.equal(distrust(tool), undefined, 'root’s folder in one like /tmp')
  chmodSync(b, 0o1777)
  t.equal(distrust(tool), `anybody can make files in ${b}`)
  chmodSync(b, 0o755)
  symlinkSync(b, join(a, 'link'))
  t.equal(distrust(join(a, 'link/tool')), `anybody can make files in ${a}`)
  symlinkSync(join(dir, 'loop'), join(dir, 'loop'))
  t.match(distrust(join(dir, 'loop/tool')), / is one of more than 40 links$/)
})

t.test('a link of /proc that leads into another mount namespace', options, async (t) => {
  t.equal(distrust('/proc/self/root/usr'), undefined, 'the same in the end')
  const script = 'mount -t tmpfs none /mnt && echo up && cat'
  const other = spawn('unshare', ['--mount', 'sh', '-c', script])
  t.teardown(() => other.kill())
  await once(other.stdout, 'data')
  const path = `/proc/${other.pid}/root/mnt`
  t.equal(distrust(path), `${path} leads to another file than its links say`)
})
