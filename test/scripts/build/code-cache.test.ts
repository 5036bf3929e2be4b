import { Script } from 'node:vm'
import t from 'tap'
import { compileAll, wrapBundle } from '../../../scripts/build/code-cache.ts'

const bundle = 'exports.answer = () => require("six") * 7; require("done")(exports)'

t.test('a wrapped bundle runs with the require it is given', async (t) => {
  let answer = 0
  const modules: Record<string, unknown> = {
    six: 6,
    done: ({ answer: compute }: { answer: () => number }) => (answer = compute()),
  }
  const start = new Script(wrapBundle(bundle)).runInThisContext()
  start({}, (name: string) => modules[name], {})
  t.equal(answer, 42)
})

t.test('text of several bytes for a character is refused', async (t) => {
  t.throws(() => wrapBundle('"ü"'), { message: 'the bundle must be ASCII' })
})

t.test('the cache holds functions that have never run', async (t) => {
  const functions =
    'function f(x) { return x.map((y) => y + 1).filter((z) => z > 3) }; exports.f = f'
  // V8 remembers what it has compiled, so each way gets a text of its own.
  const lazy = new Script(wrapBundle(`${functions};1`)).createCachedData()
  const eager = compileAll(wrapBundle(`${functions};2`), 'f.cjs')
  t.ok(eager.length > lazy.length, `${eager.length} bytes, lazily ${lazy.length}`)
})
