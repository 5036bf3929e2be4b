import t from 'tap'
import { agentSizeNamed } from '../../../../scripts/bench/agent/size.ts'
import { kinds, peersTitle, startTitle } from '../../../../scripts/bench/agent/starts.ts'
import { addedRoutes, memoryTitle } from '../../../../scripts/bench/agent/steady.ts'
import { agentTargets } from '../../../../scripts/bench/agent/targets.ts'
import { isReached } from '../../../../scripts/bench/targets.ts'

t.test('routes that are told of as new, with their times', async (t) => {
  const output =
    '[2026-11-21T22:05:45.123456] 10.65.0.0/24 via 10.65.0.0 dev flannel.1 onlink \n' +
    '[2026-11-21T22:05:45.200000] Deleted 10.66.0.0/24 via 10.66.0.0 dev flannel.1 onlink \n' +
    '[2026-11-21T22:05:46.000001] local 10.67.0.0 dev flannel.1 table local \n'
  const routes = addedRoutes(output)
  t.strictSame([...routes.keys()], ['10.65.0.0'])
  const ms = (routes.get('10.65.0.0') ?? NaN) - Date.parse('2026-11-21T22:05:45')
  t.ok(Math.abs(ms - 123.456) < 0.001, `${ms} ms into the second`)
})

t.test(
  'every figure stands beside its target, and what was not measured reaches none',
  async (t) => {
    const start = { ms: 260, 'CPU ms': 118 }
    const targets = agentTargets([
      { title: startTitle, how: '', rows: [{ name: kinds.fresh, values: start }] },
      { title: peersTitle, how: '', rows: [{ name: '5000 peers', values: { ratio: 1.01 } }] },
      { title: memoryTitle, how: '', rows: [{ name: '0 peers', values: { 'resident MB': 89 } }] },
    ])
    const measured = targets.filter(({ figure }) => !Number.isNaN(figure))
    t.strictSame(
      measured.map((target) => [target.figure, target.limit, isReached(target)]),
      [
        [260, 260, true],
        [118, 117, false],
        [1.01, 1, false],
        [89, 90, true],
      ],
    )
    t.equal(targets.filter(isReached).length, 2)
  },
)

t.test('BENCH names the size', async (t) => {
  t.equal(agentSizeNamed(''), agentSizeNamed('full'))
  t.ok(agentSizeNamed('quick').starts < agentSizeNamed('').starts)
  t.throws(() => agentSizeNamed('slow'), /BENCH is "slow", expected quick or default or full/)
})
