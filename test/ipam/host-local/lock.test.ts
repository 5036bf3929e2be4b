import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { maxWaitMs, withFlock, withLockDirectory } from '../../../ipam/host-local/lock.ts'
import type { Context } from '../../../lib/cni/plugin.ts'
import { contextOf } from '../../support/request.ts'

/** Runs `work` under both locks. */
function withLock<T>(directory: string, context: Context, work: () => T): T {
  return withFlock(directory, context, (patience) => withLockDirectory(directory, patience, work))
}

/** A context whose sleeps take their time. */
function patientContext() {
  const cell = new Int32Array(new SharedArrayBuffer(4))
  const sleep = (ms: number) => {
    Atomics.wait(cell, 0, 0, ms)
  }
  return contextOf({ sleep, now: () => Date.now() })
}

/** flock(1) that holds the lock of the directory until it is ended. */
async function holdFlock(t: Test, directory: string): Promise<ChildProcess> {
  const argv = ['--exclusive', join(directory, 'lock'), 'sh', '-c', 'echo held; exec sleep 60']
  const holder = spawn('flock', argv, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.teardown(() => holder.pid !== undefined && endGroup(holder.pid))
  await once(holder.stdout, 'data')
  return holder
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended already
  }
}

t.test('holds both locks while it works, and leaves what Go leaves', async (t) => {
  const directory = t.testdir()
  const result = withLock(directory, contextOf({ now: () => Date.now() }), () => {
    t.ok(existsSync(join(directory, 'lock.lock')))
    return 42
  })
  t.equal(result, 42)
  t.notOk(existsSync(join(directory, 'lock.lock')))
  const { mode, size } = statSync(join(directory, 'lock'))
  t.equal(mode & 0o777, 0o750 & ~process.umask())
  t.equal(size, 0)
})

t.test('is released when the work fails', async (t) => {
  const directory = t.testdir()
  const context = contextOf({ now: () => Date.now() })
  const fail = () => {
    throw new Error('work failed')
  }
  for (let round = 0; round < 2; round++) {
    t.throws(() => withLock(directory, context, fail), { message: 'work failed' })
  }
  t.strictSame(context.sleeps, [])
})

t.test('gives up after a while, and names the holder', async (t) => {
  const directory = t.testdir()
  await holdFlock(t, directory)
  const context = contextOf()
  t.throws(() => withLock(directory, context, () => t.fail('worked beside the holder')), {
    code: 11,
    message: new RegExp(`^waited 100\\d\\d ms for the lock ${directory}/lock$`),
    details: /^held by process \d+ \((flock|sleep) .*a process that hangs has to be ended$/,
  })
  const waited = context.sleeps.reduce((sum, ms) => sum + ms, 0)
  t.ok(waited >= maxWaitMs && waited < maxWaitMs + 50, `${waited} ms`)
})

t.test('waits for a holder that ends', async (t) => {
  const directory = t.testdir()
  const { pid = 0 } = await holdFlock(t, directory)
  const context = contextOf()
  const sleep = (ms: number) => {
    if (context.sleeps.push(ms) === 5) endGroup(pid)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
  }
  t.equal(
    withLock(directory, { ...context, sleep, now: () => Date.now() }, () => 'done'),
    'done',
  )
})

t.test('a lock that a killed process left goes stale', async (t) => {
  const directory = t.testdir({ 'lock.lock': {} })
  const soon = new Date(Date.now() + 1000) // proper-lockfile dates a lock up to 1 s ahead
  utimesSync(join(directory, 'lock.lock'), soon, soon)
  const start = Date.now()
  t.equal(
    withLock(directory, patientContext(), () => 'done'),
    'done',
  )
  t.ok(Date.now() - start < 4000, 'within 4 s')
})

t.test('a lock from the future is removed at once', async (t) => {
  const directory = t.testdir({ 'lock.lock': {} })
  const future = new Date(Date.now() + 86_400_000)
  utimesSync(join(directory, 'lock.lock'), future, future)
  const context = contextOf({ now: () => Date.now() })
  t.equal(
    withLock(directory, context, () => 'done'),
    'done',
  )
  t.match(context.warnings, [/^removing .*lock\.lock: it is dated .* in the future$/])
})

t.test('a fresh lock that flock does not explain', async (t) => {
  const directory = t.testdir({ 'lock.lock': {} })
  t.throws(() => withLock(directory, contextOf({ now: () => Date.now() }), () => undefined), {
    code: 11,
    details: /another machine; if there is none, remove it: rmdir .*\/lock\.lock$/,
  })
})

t.test('a lock that is no file', async (t) => {
  const link = t.testdir()
  symlinkSync('target', join(link, 'lock'))
  t.throws(() => withLock(link, contextOf(), () => undefined), {
    code: 5,
    message: `open ${link}/lock: too many levels of symbolic links`,
  })
  t.notOk(existsSync(join(link, 'target')))
  mkdirSync(join(link, 'sub/lock'), { recursive: true })
  t.throws(() => withLock(join(link, 'sub'), contextOf(), () => undefined), { code: 5 })
})
