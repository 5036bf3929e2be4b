import t from 'tap'
import { figures, measureInTurn } from '../../../scripts/bench/in-turn.ts'
import type { Measurement } from '../../../scripts/bench/jobs.ts'

function measurement(wallMs: number, cpuMs = 1, peakBytes = 1e6): Measurement {
  return { status: 0, wallMs, cpuMs, peakBytes, output: '' }
}

t.test('what calls took', async (t) => {
  const calls = Array.from({ length: 200 }, (_, index) => measurement(200 - index))
  t.strictSame(figures([...calls.slice(0, 199), measurement(1, 201, 5e6)]), {
    'p50 ms': 100,
    'p95 ms': 190,
    'p99 ms': 198,
    'CPU ms': 2,
    'peak MB': 5,
  })
  t.throws(() => figures([]), { message: /no values/ })
})

t.test('series are called in turn, and stand in tables by their titles', async (t) => {
  const called: string[] = []
  const series = (title: string, name: string, wallMs: number) => ({
    title,
    name,
    async call() {
      called.push(`${title} ${name}`)
      return measurement(wallMs)
    },
    notes: (measured: readonly Measurement[]) => [`${name}: ${measured.length}`],
  })
  const all = [series('ADD', 'a', 1), series('DEL', 'a', 2), series('ADD', 'b', 3)]
  const tables = await measureInTurn(all, 2)
  const round = ['ADD a', 'DEL a', 'ADD b']
  t.strictSame(called, [...round, ...round])
  t.strictSame(
    tables.map(({ title, rows, notes }) => [
      title,
      ...rows.map(({ name, values }) => `${name} ${values['p50 ms']}`),
      ...(notes ?? []),
    ]),
    [
      ['ADD', 'a 1', 'b 3', 'a: 2', 'b: 2'],
      ['DEL', 'a 2', 'a: 2'],
    ],
  )
})
