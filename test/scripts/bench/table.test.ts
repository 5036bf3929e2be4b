import t from 'tap'
import { formatNumber, formatTable, valueIn } from '../../../scripts/bench/table.ts'

const row = (name: string, ms: number, pods: number) => ({
  name,
  values: { 'p50 ms': ms, 'pods/s': pods },
})

const table = {
  title: 'ADD',
  how: 'in turn',
  rows: [row('go bridge', 10, 20), row('bridge', 25, 12.345), row('other bridge', 20, NaN)],
  compared: ['p50 ms'],
  notes: ['a note'],
}

t.test('columns line up, with ratios to Go and to the other build', async (t) => {
  t.equal(
    formatTable(table),
    `\
ADD; in turn
              p50 ms  pods/s  p50 to Go  p50 to other
go bridge         10      20          1
bridge            25    12.3       2.50          1.25
other bridge      20       -          2
a note`,
  )
})

t.test('without others there is nothing to compare', async (t) => {
  const rows = table.rows.slice(1, 2)
  t.equal(
    formatTable({ title: 'ADD', how: '', rows, compared: ['p50 ms'] }),
    'ADD\n        p50 ms  pods/s\nbridge      25    12.3',
  )
  t.equal(formatTable({ title: 'ADD', how: 'once', rows: [] }), 'ADD; once\n')
})

t.test('a figure by its table, row and column', async (t) => {
  t.equal(valueIn([table], 'ADD', 'bridge', 'pods/s'), 12.345)
  for (const [title, name, column] of [
    ['DEL', 'bridge', 'pods/s'],
    ['ADD', 'flannel', 'pods/s'],
    ['ADD', 'bridge', 'p99 ms'],
  ] as const) {
    t.ok(Number.isNaN(valueIn([table], title, name, column)))
  }
})

t.test('three digits count, and whole numbers are whole', async (t) => {
  t.strictSame([0, 7, 0.12345, 1.2345, 12.345, 123.45, 1234.5, -1.5, Infinity].map(formatNumber), [
    ...['0', '7', '0.123', '1.23', '12.3', '123', '1235', '-1.50', '-'],
  ])
})
