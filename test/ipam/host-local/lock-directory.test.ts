import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runSync } from '../../../scripts/lab/run.ts'

/**
 * Runs the text of a script, by a wrapper such as strace, in a folder of a file system that may be
 * another machine's, too.
 */
function elsewhere(t: Test, script: string, wrapper: readonly string[] = []): unknown {
  const root = join(import.meta.dirname, '../../..')
  const imports =
    `import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync } from 'node:fs'\n` +
    `import { withLockDirectory } from '${root}/ipam/host-local/lock-directory.ts'\n` +
    `import { withFlock } from '${root}/ipam/host-local/lock.ts'\n` +
    `import { contextOf } from '${root}/test/support/request.ts'\n` +
    `const context = contextOf({ now: () => Date.now() })\n` +
    `const work = () => { if (!existsSync('lock.lock')) throw Error('no lock'); return 'done' }\n` +
    `const run = () => withFlock('.', context, (p) => withLockDirectory('.', p, work))\n`
  const mount = 'mount -t ramfs none "$0" && cd "$0" && exec "$@"'
  const argv = [process.execPath, '--no-warnings', '--input-type=module', '-e', imports + script]
  const shell = ['unshare', '--mount', 'sh', '-c', mount, t.testdir(), ...wrapper, ...argv]
  return JSON.parse(runSync(shell))
}

const skip = process.getuid?.() !== 0 && 'mounting a file system needs root'

t.test('elsewhere it is there while the work is done', { skip }, async (t) => {
  const script = `console.log(JSON.stringify([run(), context.sleeps, readdirSync('.')]))`
  t.strictSame(elsewhere(t, script), ['done', [], ['lock']])
})

t.test('where no directory can be made, flock does it alone', { skip }, async (t) => {
  const script = `
    const run = () => withFlock('.', context, (p) => withLockDirectory('.', p, () => 'alone'))
    console.log(JSON.stringify([run(), context.warnings, readdirSync('.')]))`
  const fault = ['-e', 'trace=?mkdir,mkdirat', '-e', 'inject=?mkdir,mkdirat:error=ENOSPC']
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', ...fault]
  t.match(elsewhere(t, `{ ${script} }`, strace), [
    'alone',
    [/^going on with flock alone: mkdir .*lock\.lock: no space left on device/],
    ['lock'],
  ])
})

t.test('what is no lock, in its place', { skip }, async (t) => {
  const script = `
    symlinkSync('target', 'lock.lock')
    console.log(JSON.stringify([run(), context.warnings, readdirSync('.')]))`
  const warning = './lock.lock is no directory, so it is no lock; it is removed'
  t.strictSame(elsewhere(t, script), ['done', [warning], ['lock']])
})

/** Sleeps that take their time. */
const sleeping = `
    context.sleep = (ms) => { context.sleeps.push(ms); Atomics.wait(cell, 0, 0, ms) }
    const cell = new Int32Array(new SharedArrayBuffer(4))`

t.test('one that a killed process left goes stale, whatever its date', { skip }, async (t) => {
  for (const date of [0, 1_000_000_000, 4_000_000_000]) {
    const script = `${sleeping}
    mkdirSync('lock.lock')
    utimesSync('lock.lock', ${date}, ${date})
    const start = Date.now()
    console.log(JSON.stringify([run(), Date.now() - start]))`
    const [result, ms] = elsewhere(t, script) as [string, number] // what the script prints
    t.equal(result, 'done')
    t.ok(ms > 1900 && ms < 4000, `${ms} ms`)
  }
})

t.test('one of a machine whose clock differs is a lock', { skip }, async (t) => {
  for (const ahead of [-3600, -10, 10, 3600]) {
    const script = `
    import { rmdirSync } from 'node:fs'
    mkdirSync('lock.lock')
    const date = Date.now() / 1000 + ${ahead}
    utimesSync('lock.lock', date, date)
    context.now = () => Date.now() - ${ahead} * 1000
    context.sleep = (ms) => {
      context.sleeps.push(ms)
      if (context.sleeps.length === 5) rmdirSync('lock.lock')
    }
    console.log(JSON.stringify([run(), context.sleeps.length]))`
    t.strictSame(elsewhere(t, script), ['done', 5], `${ahead} s`)
  }
})

t.test('one that is kept fresh', { skip }, async (t) => {
  const script = `
    mkdirSync('lock.lock')
    context.sleep = (ms) => {
      context.sleeps.push(ms)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4)
      utimesSync('lock.lock', 1, 1)
    }
    const start = Date.now()
    context.now = () => start
    try { run() } catch ({ code, details }) { console.log(JSON.stringify({ code, details })) }`
  t.match(elsewhere(t, script), {
    code: 11,
    details: /another machine; if there is none, remove it: rmdir \.\/lock\.lock$/,
  })
})
