/** host-local as a runtime calls it, where the disk is in the way. */
import t from 'tap'
import { call, ours } from './call.ts'

const skip = process.getuid?.() !== 0 && 'mounting a file system needs root'

/** Our command line in a mount namespace where the folder is an empty, read-only file system. */
function onReadOnly(folder: string): string[] {
  const script = 'mount -t tmpfs -o ro none "$0" && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', script, folder, ...ours]
}

t.test('a disk that has become read-only', { skip }, async (t) => {
  const dataDir = t.testdir()
  const conf = { name: 'net1', cniVersion: '1.1.0', ipam: { subnet: '10.1.2.0/24', dataDir } }
  const argv = onReadOnly(dataDir)
  t.match(await call(argv, 'STATUS', '', conf), {
    code: 50,
    msg: `access ${dataDir}/: read-only file system`,
    details: /^reservations are kept in .*\/net1, which must be a writable directory;/,
  })
  t.match(await call(argv, 'ADD', 'c1', conf), {
    code: 5,
    msg: `mkdir ${dataDir}/net1: read-only file system`,
  })
  t.strictSame(await call(argv, 'DEL', 'c1', conf), {}, 'nothing is held, so nothing is to do')
})
