import { readFileSync, readSync } from 'node:fs'
import t from 'tap'
import { errorText, fullText, hasCode } from '../../../lib/base/errors.ts'
import { CniError, ErrorCode, toCniError, withPrefix } from '../../../lib/cni/errors.ts'
import { flock, SyscallError } from '../../../lib/linux/libc.ts'
import { thrown } from '../../support/thrown.ts'

function failureOf(operation: () => unknown): unknown {
  try {
    return operation()
  } catch (error) {
    return error
  }
}

const noFile = failureOf(() => readFileSync('/nowhere/x'))
const badFd = failureOf(() => readSync(0x7ffffffe, Buffer.alloc(1)))
const noLock = failureOf(() => flock(0x7ffffffe, 1))

t.test('has the codes of the specification, and those of the Go library', async (t) => {
  t.strictSame(
    Object.values(ErrorCode).sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 11, 50, 51, 999],
  )
})

t.test('is the error object of the specification', async (t) => {
  const full = new CniError(7, 'wrong', 'do that').toObject()
  t.equal(JSON.stringify(full), '{"code":7,"msg":"wrong","details":"do that"}')
  t.equal(JSON.stringify(new CniError(7, 'wrong').toObject()), '{"code":7,"msg":"wrong"}')
})

t.test('has a text with its details, and one without', async (t) => {
  const error = new CniError(7, 'wrong', 'do that')
  t.equal(errorText(error), 'wrong')
  t.equal(fullText(error), 'wrong; do that')
  t.equal(fullText(new CniError(7, 'wrong')), 'wrong')
  t.equal(fullText(new Error('plain')), 'plain')
})

t.test('words failed system calls as Go does', async (t) => {
  t.equal(errorText(noFile), 'open /nowhere/x: no such file or directory')
  t.equal(errorText(badFd), 'read: bad file descriptor')
  t.equal(errorText(noLock), 'flock: bad file descriptor')
  t.equal(errorText('text'), 'text')
  t.equal(errorText(undefined), 'undefined')
})

t.test('knows errors by the name of their errno', async (t) => {
  t.ok(hasCode(noFile, 'ENOENT'))
  t.ok(hasCode(noFile, 'EPERM', 'ENOENT'))
  t.ok(hasCode(noLock, 'EBADF'))
  t.ok(noLock instanceof SyscallError)
  for (const error of [new Error('ENOENT'), 'ENOENT', undefined, { code: 'ENOENT' }]) {
    t.notOk(hasCode(error, 'ENOENT'))
  }
  t.notOk(hasCode(noFile))
})

t.test('passes a typed error through, and gives any other code 999', async (t) => {
  const typed = new CniError(1234, 'typed', 'details')
  t.equal(toCniError(typed), typed)
  for (const [value, msg] of [
    [new Error('plain'), 'plain'],
    [noFile, 'open /nowhere/x: no such file or directory'],
    ['text', 'text'],
  ] as const) {
    const error = toCniError(value)
    t.strictSame(error.toObject(), { code: 999, msg })
    t.equal(error.cause, value)
  }
  const withDetails = Object.assign(new Error('link: file exists'), { details: 'link add x' })
  t.equal(toCniError(withDetails).details, 'link add x')
})

t.test('puts a prefix before what goes wrong', async (t) => {
  t.equal(
    withPrefix('x: ', () => 5),
    5,
  )
  const typed = thrown(() =>
    withPrefix('outer: ', () => {
      throw new CniError(11, 'inner', 'later')
    }),
  )
  t.strictSame(typed.toObject(), { code: 11, msg: 'outer: inner', details: 'later' })
  const plain = thrown(() => withPrefix('read: ', () => readFileSync('/nowhere/x')))
  t.equal(plain.message, 'read: open /nowhere/x: no such file or directory')
  t.equal(plain.code, 999)
})
