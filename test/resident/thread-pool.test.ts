/** The pool with threads of Node whose code is made up. */
import { setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { type PoolOptions, ThreadPool } from '../../resident/thread-pool.ts'
import type { ThreadMessage } from '../../resident/worker.ts'

/** Answers with the call's stdin after as many ms as it says; dies when it says so. */
const code = `
const { parentPort } = require('node:worker_threads')
parentPort.on('message', ({ stdin }) => {
  if (stdin === 'die') process.exit(1)
  if (stdin === 'throw') throw new Error('thrown')
  if (stdin === 'decline') return parentPort.postMessage({ answer: undefined })
  if (stdin === 'leave') parentPort.postMessage({ left: { fd: 7, memory: 8n } })
  const answer = { exitCode: 0, stdout: stdin, stderr: '' }
  setTimeout(() => parentPort.postMessage({ answer }), Number(stdin) || 0)
})
parentPort.postMessage('ready')`

function setUp(t: Test, options: Partial<PoolOptions> = {}) {
  const threads: Worker[] = []
  const answers = new Map<Worker, number>()
  const said: string[] = []
  const left: unknown[] = []
  const startThread = () => {
    const thread = new Worker(code, { eval: true })
    threads.push(thread)
    thread.on('message', (message: ThreadMessage) => {
      if (message !== 'ready' && 'answer' in message)
        answers.set(thread, (answers.get(thread) ?? 0) + 1)
    })
    return thread
  }
  const defaults = {
    minThreads: 2,
    maxThreads: 2,
    growMs: 20,
    maxIdleMs: 60_000,
    maxWaiting: 100,
    maxWaitMs: 5000,
  }
  const pool = new ThreadPool({
    ...defaults,
    startThread,
    takeOver: (sending) => left.push(sending),
    say: (line) => said.push(line),
    ...options,
  })
  t.teardown(() => pool.close())
  const call = async (stdin: string, containerId = '') =>
    pool.serve({
      name: 'bridge',
      env: { CNI_CONTAINERID: containerId },
      stdin,
      pid: 1,
      receivedMs: 0,
    })
  const served = () => threads.map((thread) => answers.get(thread) ?? 0)
  return { pool, call, threads, served, said, left }
}

const answer = (stdout: string) => ({ exitCode: 0, stdout, stderr: '' })

t.test('serves more calls than there are threads', async (t) => {
  const { call, threads } = setUp(t)
  const texts = ['5', '4', '3', '2', '1']
  t.strictSame(await Promise.all(texts.map((text) => call(text))), texts.map(answer))
  t.ok(threads.length <= 2, `${threads.length} threads`)
})

t.test(
  'a thread is added when calls wait for long, and ends when it has nothing to do',
  async (t) => {
    const { call, threads } = setUp(t, { minThreads: 1, maxThreads: 3, maxIdleMs: 100 })
    await call('1')
    await call('1')
    t.equal(threads.length, 1)
    await Promise.all(['300', '300', '300', '300'].map((text) => call(text)))
    t.equal(threads.length, 3)
    const alive = () => threads.filter(({ threadId }) => threadId !== -1).length
    for (let tries = 0; alive() > 1 && tries < 100; tries++) await setTimeout(50)
    await setTimeout(200)
    t.equal(alive(), 1, 'one stays')
    t.strictSame(await call('2'), answer('2'))
  },
)

t.test('every thread has calls, also when one would do', async (t) => {
  const { call, served } = setUp(t)
  await Promise.all(['50', '50'].map((text) => call(text)))
  for (let count = 0; count < 100; count++) await call('0')
  for (const count of served()) t.ok(count > 10, `${count} calls`)
})

t.test('a thread that was added for a while has no calls when others are free', async (t) => {
  const { call, threads, served } = setUp(t, { maxThreads: 4 })
  await Promise.all(['200', '200', '200', '200', '200', '200'].map((text) => call(text)))
  t.ok(threads.length > 2)
  const [, , ...before] = served()
  for (let count = 0; count < 6; count++) await call('1')
  t.strictSame(served().slice(2), before)
})

t.test('calls for one container run one after the other', async (t) => {
  const { call } = setUp(t)
  const ended: string[] = []
  const note = async (text: string, containerId: string) => {
    await call(text, containerId)
    ended.push(text)
  }
  await Promise.all([note('300', 'a'), note('1', 'a'), note('2', 'b')])
  t.strictSame(ended, ['2', '300', '1'])
})

t.test('a thread that dies loses its call and no other', async (t) => {
  for (const death of ['die', 'throw']) {
    const { call } = setUp(t)
    const [lost, other] = await Promise.all([call(death), call('200')])
    t.equal(lost, 'lost')
    t.strictSame(other, answer('200'))
    t.strictSame(await Promise.all([call('1'), call('2')]), [answer('1'), answer('2')])
  }
})

t.test('what a thread declines, and what waits too long, is declined', async (t) => {
  const { call } = setUp(t, { minThreads: 1, maxThreads: 1, maxWaitMs: 50 })
  while ((await call('1')) === 'declined') t.comment('the thread is not ready yet')
  t.equal(await call('decline'), 'declined')
  const [served, waiting] = await Promise.all([call('300'), call('1')])
  t.strictSame(served, answer('300'))
  t.equal(waiting, 'declined')
  t.strictSame(await call('1'), answer('1'))
})

t.test('what a call leaves on its way has been taken over when it is answered', async (t) => {
  const { call, left } = setUp(t)
  t.strictSame(await call('leave'), answer('leave'))
  t.strictSame(left, [{ fd: 7, memory: 8n }])
})

t.test('only so many calls may wait', async (t) => {
  const { call } = setUp(t, { minThreads: 1, maxThreads: 1, maxWaiting: 1 })
  await call('1')
  const outcomes = await Promise.all([call('100'), call('1'), call('2')])
  t.strictSame(outcomes, [answer('100'), answer('1'), 'declined'])
})

t.test('a pool that is told to stop finishes what it has begun', async (t) => {
  const { pool, call } = setUp(t, { minThreads: 1, maxThreads: 1 })
  await call('1')
  const calls = [call('100'), call('1')]
  pool.declineAll()
  t.strictSame(await Promise.all(calls), [answer('100'), 'declined'])
  t.equal(await call('1'), 'declined')
})
