import t from 'tap'
import { base, crowded, describe } from '../../../scripts/bench/scenario.ts'
import { sizeNamed } from '../../../scripts/bench/size.ts'

t.test('sizes by name', async (t) => {
  t.equal(sizeNamed(''), sizeNamed('default'))
  t.throws(() => sizeNamed('huge'), {
    message: 'BENCH is "huge", expected quick or default or full',
  })
})

t.test('each measures what targets are about', async (t) => {
  for (const name of ['quick', 'default', 'full']) {
    const groups = sizeNamed(name).groups.map(({ scenarios }) => scenarios.map(describe))
    const together = groups.find((group) => group.includes(describe(base)))
    t.ok(together?.includes(describe(crowded)), `${name}: in turn`)
    const measured = groups.flat()
    t.ok(measured.includes(describe(base)), name)
    t.ok(measured.includes(describe(crowded)), name)
    t.equal(measured.length, new Set(measured).size, name)
  }
})

t.test('the full size measures every combination', async (t) => {
  const measured = sizeNamed('full').groups.flatMap(({ scenarios }) => scenarios)
  t.equal(new Set(measured.map(describe)).size, 16)
})

t.test('scenarios in words', async (t) => {
  t.equal(describe(base), 'IPv4, 2 pods')
  t.equal(
    describe({ families: 'dual-stack', foreignRules: 10_000, hostPorts: 1, pods: 1000 }),
    'dual-stack, 1 host port, 10000 foreign rules, 1000 pods',
  )
})
