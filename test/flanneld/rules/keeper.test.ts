/** The thread that keeps the rules, from the agent's side. */
import { join } from 'node:path'
import t from 'tap'
import { RulesKeeper } from '../../../flanneld/rules/keeper.ts'
import type { RulesSpec } from '../../../flanneld/rules/spec.ts'
import { DetailedError } from '../../../lib/base/errors.ts'
import { Netns } from '../../../lib/linux/netns.ts'
import { addNamespace, type Scope } from '../../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../../scripts/lab/run.ts'
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

/** A namespace of its own, and what has rules kept there. */
function setUp(t: Scope) {
  const { netns: path } = addNamespace(t)
  const told = new Told()
  const options = {
    ...{ entry: join(support, 'rules-thread.ts'), searchPath: '', resyncMs: 100 },
    log: { warn: told.add, debug: told.add },
    events: {
      repaired: (kind: string) => told.add(`repaired ${kind}`),
      failed: (operation: string, text: string) => told.add(`failed ${operation}: ${text}`),
    },
  }
  const start = async (spec: RulesSpec) => {
    using netns = Netns.open(path)
    // a thread is where the one was that started it
    const { keeper } = netns.run(() => ({ keeper: RulesKeeper.start(spec, options) }))
    return keeper
  }
  return { path, told, start, sh: (text: string) => runSync(inside(path, text.split(' '))) }
}

t.test('rules are set, repaired and changed', { skip }, async (t) => {
  const { told, start, sh } = setUp(t)
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

t.test('a start that fails', { skip }, async (t) => {
  const { start, sh } = setUp(t)
  // nft refuses to make a chain of another kind of one that is there
  sh('nft add table ip flannel-ipv4')
  sh('nft add chain ip flannel-ipv4 postrtg { type filter hook input priority 5 ; }')
  await t.rejects(start(specOf('nftables')), DetailedError)
})

t.test('a thread that fails is followed by another', { skip }, async (t) => {
  const { path, told } = setUp(t)
  const { promise, reject } = Promise.withResolvers<never>()
  const options = {
    ...{ entry: join(support, 'no-such-file.ts'), searchPath: path, resyncMs: 100 },
    log: { warn: told.add, debug: told.add },
    events: { repaired: told.add, failed: (operation: string) => told.add(operation) },
  }
  RulesKeeper.start(specOf('nftables'), options).catch(reject)
  await t.rejects(promise, {
    message: /the thread of the packet-filter rules failed: .*no-such-file/s,
  })
  t.equal(await told.next(), 'the thread of the packet-filter rules')
})

t.test('a program that hangs does not stop the agent', { skip }, async (t) => {
  const { path } = setUp(t)
  const hanging = makeHanging(t.testdir(), 'nft')
  const hides = 'mount --bind "$1" "$(readlink -f "$(command -v nft)")" && shift && exec "$@"'
  const end = [process.execPath, join(support, 'rules-end.ts'), '2000']
  const wrapped = ['unshare', '--mount', 'sh', '-c', hides, 'sh', hanging, ...end]
  const startMs = performance.now()
  const { stdout, stderr, code } = await run(inside(path, wrapped), {
    env: { PATH: process.env['PATH'] },
  })
  t.equal(code, 0, stderr)
  const { longestMs, isSet } = JSON.parse(stdout) as { longestMs: number; isSet: boolean }
  t.notOk(isSet, 'the thread waits')
  t.ok(longestMs < 1000, `timers are ${longestMs} ms late at most`)
  t.ok(performance.now() - startMs < 15_000, 'and the process ends without the program')
})
