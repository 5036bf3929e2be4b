import { join } from 'node:path'
import t from 'tap'
import { mayBeShared } from '../../../ipam/host-local/file-system.ts'
import { runSync } from '../../../scripts/lab/run.ts'

t.test('the folder of this test is this machine’s alone', async (t) => {
  t.equal(mayBeShared(t.testdir()), false)
  t.throws(() => mayBeShared(join(t.testdirName, 'missing')), { code: 'ENOENT' })
})

const skip = process.getuid?.() !== 0 && 'mounting a file system needs root'

t.test('one that is not known to be may be others’, too', { skip }, async (t) => {
  const module = join(import.meta.dirname, '../../../ipam/host-local/file-system.ts')
  const script = `
    import { mayBeShared } from '${module}'
    console.log(mayBeShared('.'))`
  for (const [type, isShared] of [
    ['tmpfs', false],
    ['ramfs', true],
  ] as const) {
    const mount = 'mount -t "$1" none "$0" && cd "$0" && shift && exec "$@"'
    const node = [process.execPath, '--no-warnings', '--input-type=module', '-e', script]
    const argv = ['unshare', '--mount', 'sh', '-c', mount, t.testdir(), type, ...node]
    t.equal(runSync(argv).trim(), String(isShared), type)
  }
})
