import { closeSync, openSync, writeSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { errnoText } from '../../../lib/base/errno.ts'
import {
  fileSystemType,
  flock,
  randomBytes,
  setns,
  SyscallError,
  waitReadable,
} from '../../../lib/linux/libc.ts'
import { runSync } from '../../../scripts/lab/run.ts'

const { EEXIST, EINVAL, ENETUNREACH, ENOENT, EWOULDBLOCK } = constants.errno
// sys/file.h
const LOCK_EX = 2
const LOCK_NB = 4

t.test('errors have the texts of Go', async (t) => {
  t.equal(errnoText(EEXIST), 'file exists')
  t.equal(errnoText(EINVAL), 'invalid argument')
  t.equal(errnoText(ENETUNREACH), 'network is unreachable')
  t.equal(errnoText(ENOENT), 'no such file or directory')
  t.equal(errnoText(524), 'unknown error 524')
})

t.test('a failed call names itself', async (t) => {
  t.throws(() => setns(-1, 0), {
    name: 'SyscallError',
    message: 'setns: bad file descriptor',
    syscall: 'setns',
    code: 'EBADF',
    errno: constants.errno.EBADF,
  })
  t.equal(new SyscallError('flock', EWOULDBLOCK).code, 'EAGAIN')
})

t.test('a lock keeps others out until it is closed', async (t) => {
  const path = join(t.testdir({ lock: '' }), 'lock')
  const [first, second] = [openSync(path, 'r'), openSync(path, 'r')]
  t.teardown(() => closeSync(second))
  flock(first, LOCK_EX | LOCK_NB)
  t.throws(() => flock(second, LOCK_EX | LOCK_NB), { syscall: 'flock', code: 'EAGAIN' })
  t.throws(() => runSync(['flock', '--nonblock', path, 'true']), 'other programs too')
  closeSync(first)
  flock(second, LOCK_EX | LOCK_NB)
})

t.test('file systems are told apart', async (t) => {
  const typeOf = (path: string) => {
    const fd = openSync(path, 'r')
    try {
      return fileSystemType(fd)
    } finally {
      closeSync(fd)
    }
  }
  t.equal(typeOf('/proc/self/ns/net'), 0x6e736673n)
  t.equal(typeOf('/proc/self/status'), 0x9fa0n)
  const folder = t.testdir({})
  const shown = runSync(['stat', '--file-system', '--format=%t', folder]).trim()
  t.equal(typeOf(folder).toString(16), shown)
})

t.test('waiting for a pipe to become readable', async (t) => {
  const fifo = join(t.testdir({}), 'fifo')
  runSync(['mkfifo', fifo])
  const fd = openSync(fifo, 'r+')
  t.teardown(() => closeSync(fd))
  t.equal(waitReadable(fd, 10), false)
  writeSync(fd, 'x')
  t.equal(waitReadable(fd, 0), true)
})

t.test('random bytes', async (t) => {
  t.equal(randomBytes(0).length, 0)
  t.equal(randomBytes(4).length, 4)
  t.not(Buffer.from(randomBytes(16)).toString('hex'), Buffer.from(randomBytes(16)).toString('hex'))
})
