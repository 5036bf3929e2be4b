import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { maxWaitMs, withFlock } from '../../../ipam/host-local/lock.ts'
import { contextOf } from '../../support/request.ts'

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

/** Whether flock(1) can have the lock. */
function isFree(directory: string): boolean {
  const args = ['--exclusive', '--nonblock', join(directory, 'lock'), 'true']
  return spawnSync('flock', args).status === 0
}

t.test('holds the lock while it works, and leaves what Go leaves', async (t) => {
  const directory = t.testdir()
  const result = withFlock(directory, contextOf({ now: () => Date.now() }), () => isFree(directory))
  t.equal(result, false)
  t.equal(isFree(directory), true)
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
    t.throws(() => withFlock(directory, context, fail), { message: 'work failed' })
  }
  t.strictSame(context.sleeps, [])
})

t.test('gives up after a while, and names the holder', async (t) => {
  const directory = t.testdir()
  await holdFlock(t, directory)
  const context = contextOf()
  t.throws(() => withFlock(directory, context, () => t.fail('worked beside the holder')), {
    code: 11,
    message: new RegExp(`^waited 300\\d\\d ms for the lock ${directory}/lock$`),
    details: /^held by process \d+ \((flock|sleep) .*a process that hangs has to be ended$/,
  })
  const waited = context.sleeps.reduce((sum, ms) => sum + ms, 0)
  t.ok(waited >= maxWaitMs && waited < maxWaitMs + 50, `${waited} ms`)
})

t.test('counts by the clock what a sleep takes, unless the clock was set', async (t) => {
  const directory = t.testdir()
  await holdFlock(t, directory)
  const rounds = (took: number) => {
    let clock = 1_700_000_000_000
    const context = contextOf({ now: () => clock })
    const sleep = (ms: number) => {
      context.sleeps.push(ms)
      clock += took
    }
    t.throws(() => withFlock(directory, { ...context, sleep }, () => undefined), { code: 11 })
    return context.sleeps.length
  }
  t.equal(rounds(100), maxWaitMs / 100)
  t.equal(rounds(86_400_000), maxWaitMs / 1000, 'set forward')
  t.ok(rounds(-86_400_000) > 1000, 'set back')
})

t.test('who has waited long asks more often', async (t) => {
  const directory = t.testdir()
  await holdFlock(t, directory)
  const context = contextOf()
  t.throws(() => withFlock(directory, context, () => undefined), { code: 11 })
  const { sleeps } = context
  t.strictSame(sleeps.slice(0, 5), [0.5, 1, 2, 4, 8])
  const longest = Math.max(...sleeps)
  t.ok(longest > 30 && longest <= 32)
  t.strictSame(sleeps.slice(-3), [2, 2, 2])
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
    withFlock(directory, { ...context, sleep, now: () => Date.now() }, () => 'done'),
    'done',
  )
})

t.test('a lock that is no file', async (t) => {
  const link = t.testdir()
  symlinkSync('target', join(link, 'lock'))
  t.throws(() => withFlock(link, contextOf(), () => undefined), {
    code: 5,
    message: `open ${link}/lock: too many levels of symbolic links`,
  })
  t.notOk(existsSync(join(link, 'target')))
  mkdirSync(join(link, 'sub/lock'), { recursive: true })
  t.throws(() => withFlock(join(link, 'sub'), contextOf(), () => undefined), { code: 5 })
})
