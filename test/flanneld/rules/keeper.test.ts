/** The thread that keeps the rules, from the agent's side. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { RulesKeeper } from '../../../flanneld/rules/keeper.ts'
import type { RulesSpec } from '../../../flanneld/rules/spec.ts'
import { unshare } from '../../../lib/linux/libc.ts'
import type { Scope } from '../../../scripts/lab/node.ts'
import { run, runSync } from '../../../scripts/lab/run.ts'
import { makeHanging } from '../../support/hanging.ts'
import { rulesSkip, specOf } from '../../support/node-rules.ts'

const skip = rulesSkip()
const support = join(import.meta.dirname, '../../support')

/** Something that is told later; a test ends before it waits for ever. */
class Told {
  #lines: string[] = []
  #wake: () => void = () => undefined

  readonly add = (line: string): void => {
    this.#lines.push(line)
    this.#wake()
  }

  async next(): Promise<string> {
    while (this.#lines.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#lines.shift() ?? ''
  }
}

// Not only for a while: a thread that follows another is started from nowhere else.
const CLONE_NEWNET = 0x4000_0000 // linux/sched.h
if (skip === false) unshare(CLONE_NEWNET)

const sh = (text: string) => runSync(text.split(' '))

/** What has rules kept by a thread with this entry, and what it tells. */
function setUp(t: Scope, entry = join(support, 'rules-thread.ts'), resyncMs = 100) {
  t.teardown(() => sh('nft flush ruleset'))
  const told = new Told()
  const options = {
    ...{ entry, searchPath: '', resyncMs },
    log: { warn: told.add, debug: told.add },
    events: {
      repaired: (kind: string) => told.add(`repaired ${kind}`),
      failed: (operation: string, text: string) => told.add(`failed ${operation}: ${text}`),
    },
  }
  return { told, start: (spec: RulesSpec) => RulesKeeper.start(spec, options) }
}

t.test('rules are set, repaired and changed', { skip }, async (t) => {
  const { told, start } = setUp(t)
  const keeper = await start(specOf('nftables'))
  t.teardown(() => keeper.close())
  const before = sh('nft list table ip flannel-ipv4')
  t.match(before, 'chain postrtg')
  sh('nft flush chain ip flannel-ipv4 forward')
  t.equal(await told.next(), 'repaired forward')
  t.equal(sh('nft list table ip flannel-ipv4'), before)

  const changes = [
    keeper.update(specOf('nftables', { fullyRandom: false })),
    keeper.update(specOf('nftables', { fullyRandom: false, masquerade: false })),
  ]
  await Promise.all(changes)
  t.notMatch(sh('nft list table ip flannel-ipv4'), 'postrtg')
  t.equal(await told.next(), 'masquerade rules of IPv4 by nftables are removed')
  await keeper.close()
  t.match(sh('nft list tables'), 'flannel-ipv4', 'the rules stay')
  await t.rejects(keeper.update(specOf('nftables')), { name: 'DetailedError', message: /closed/ })
})

t.test(
  'a thread that has nothing to do goes, and another comes when there is',
  { skip },
  async (t) => {
    const { told, start } = setUp(t)
    const keeper = await start(specOf('nftables'))
    t.teardown(() => keeper.close())
    const threads = () => readdirSync('/proc/self/task').length
    const busy = threads()
    for (let tries = 0; threads() >= busy && tries < 100; tries++) await setTimeout(100)
    t.ok(threads() < busy, `${threads()} threads, after ${busy}`)
    sh('nft flush chain ip flannel-ipv4 postrtg')
    t.equal(await told.next(), 'repaired masquerade')
    for (let tries = 0; threads() >= busy && tries < 100; tries++) await setTimeout(100)
    await keeper.update(specOf('nftables', { masquerade: false }))
    t.notMatch(sh('nft list table ip flannel-ipv4'), 'postrtg')
  },
)

t.test('a start that fails', { skip }, async (t) => {
  const { start } = setUp(t)
  // nft refuses to make a chain of another kind of one that is there
  sh('nft add table ip flannel-ipv4')
  sh('nft add chain ip flannel-ipv4 postrtg { type filter hook input priority 5 ; }')
  await t.rejects(start(specOf('nftables')), { name: 'DetailedError', message: /nft/ })
})

t.test('a thread that cannot start', { skip }, async (t) => {
  const { told, start } = setUp(t, join(support, 'no-such-file.ts'))
  await t.rejects(start(specOf('nftables')), {
    name: 'DetailedError',
    message: /^the thread of the packet-filter rules failed: .*no-such-file/s,
  })
  t.match(await told.next(), /^failed the thread of the packet-filter rules: /)
})

t.test('a thread that dies is followed by another', { skip }, async (t) => {
  const folder = t.testdir()
  const entry = join(folder, 'dies-once.mjs')
  const script = `
    import { existsSync, writeFileSync } from 'node:fs'
    if (!existsSync('${folder}/died')) {
      writeFileSync('${folder}/died', '')
      const kept = []
      setTimeout(() => { for (;;) kept.push(new Array(100_000).fill(0.5)) }, 500)
    }
    await import('${join(support, 'rules-thread.ts')}')`
  writeFileSync(entry, script)
  const { told, start } = setUp(t, entry, 1000) // it dies before it has been idle for long enough to go
  const keeper = await start(specOf('nftables', { masquerade: false }))
  t.teardown(() => keeper.close())
  const failure = await told.next()
  t.match(
    failure,
    /^failed the thread of the packet-filter rules: .*memory limit/,
    'the agent is told',
  )
  sh('nft delete table ip flannel-ipv4')
  await keeper.update(specOf('nftables'))
  t.match(sh('nft list table ip flannel-ipv4'), 'postrtg')
  sh('nft flush chain ip flannel-ipv4 postrtg')
  t.equal(await told.next(), 'repaired masquerade', 'and looks after them')
})

t.test('a program that hangs does not stop the agent', { skip }, async (t) => {
  const hanging = makeHanging(t.testdir(), 'nft')
  const hides = 'mount --bind "$1" "$(readlink -f "$(command -v nft)")" && shift && exec "$@"'
  const end = [process.execPath, join(support, 'rules-end.ts'), '2000']
  const wrapped = ['unshare', '--mount', 'sh', '-c', hides, 'sh', hanging, ...end]
  const startMs = performance.now()
  const { stdout, stderr, code } = await run(wrapped, {
    env: { PATH: process.env['PATH'] },
  })
  t.equal(code, 0, stderr)
  const { longestMs, isSet } = JSON.parse(stdout) as { longestMs: number; isSet: boolean }
  t.notOk(isSet, 'the thread waits')
  t.ok(longestMs < 1000, `timers are ${longestMs} ms late at most`)
  t.ok(performance.now() - startMs < 15_000, 'and the process ends without the program')
})
