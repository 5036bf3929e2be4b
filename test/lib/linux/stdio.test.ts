import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readAll, writeAll } from '../../../lib/linux/stdio.ts'
import { runSync } from '../../../scripts/lab/run.ts'

const limits = { timeoutMs: 5000, maxBytes: 1024 * 1024 }

/** A pipe with a name: a path that can be opened at either end. */
function makePipe(t: Test): string {
  const path = join(t.testdir({}), 'pipe')
  runSync(['mkfifo', path])
  return path
}

/** Both ends of a pipe, the reader's first, neither of which blocks. */
function openPipe(t: Test): [reader: number, writer: number] {
  const path = makePipe(t)
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  return [reader, openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)]
}

t.test('reads to the end', async (t) => {
  const [reader, writer] = openPipe(t)
  writeSync(writer, '{"ä":')
  writeSync(writer, '1}')
  closeSync(writer)
  t.equal(readAll(reader, limits), '{"ä":1}')
  t.equal(readAll(reader, limits), '', 'nobody writes any more')
  closeSync(reader)
})

t.test('reads more than a pipe holds, also in pieces of characters', async (t) => {
  const path = join(t.testdir({}), 'file')
  const text = 'äöü'.repeat(50_001)
  writeFileSync(path, text)
  const fd = openSync(path, 'r')
  t.equal(readAll(fd, limits), text)
  closeSync(fd)
})

t.test('does not wait for ever', async (t) => {
  const [reader, writer] = openPipe(t)
  t.throws(() => readAll(reader, { ...limits, timeoutMs: 20 }), {
    message: 'not closed within 0.02 s',
  })
  writeSync(writer, '{}')
  t.throws(() => readAll(reader, { ...limits, timeoutMs: 20 }), {
    message: 'not closed within 0.02 s',
  })
  closeSync(writer)
  closeSync(reader)
})

t.test('does not read without end', async (t) => {
  const fd = openSync('/dev/zero', 'r')
  t.throws(() => readAll(fd, limits), { message: 'more than 1048576 bytes' })
  closeSync(fd)
})

t.test('fails on what cannot be read', async (t) => {
  const folder = openSync('/', 'r')
  t.throws(() => readAll(folder, limits), /EISDIR/)
  closeSync(folder)
})

t.test('waits for a slow reader, without using the processor', async (t) => {
  const path = makePipe(t)
  const out = join(path, '../out')
  const reader = spawn('sh', ['-c', 'exec <"$1"; sleep 0.5; cat >"$2"', 'sh', path, out])
  const ended = once(reader, 'exit')
  const writer = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const text = 'ä'.repeat(500_000) // more than a pipe holds
  const before = process.cpuUsage()
  writeAll(writer, text)
  const { user, system } = process.cpuUsage(before)
  closeSync(writer)
  await ended
  t.equal(readFileSync(out, 'utf8'), text)
  t.ok(user + system < 200_000, `${user + system} µs`)
})

t.test('does not mind a reader that is gone', async (t) => {
  const [reader, writer] = openPipe(t)
  closeSync(reader)
  t.doesNotThrow(() => writeAll(writer, 'text'))
  closeSync(writer)
  t.doesNotThrow(() => writeAll(0x7ffffffe, 'text'), 'nor a stream that was never open')
})

t.test('fails on a full disk', async (t) => {
  const fd = openSync('/dev/full', 'w')
  t.throws(() => writeAll(fd, 'text'), { code: 'ENOSPC' })
  closeSync(fd)
})
