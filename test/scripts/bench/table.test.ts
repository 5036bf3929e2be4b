import t from 'tap'
import { formatNumber, formatTable } from '../../../scripts/bench/table.ts'

t.test('columns line up', async (t) => {
  const text = formatTable(
    ['name', 'ms', 'aim'],
    [
      ['go', 9.126, '≤ 10'],
      ['bridge', 1043.2, ''],
      ['none', NaN, ''],
    ],
  )
  t.equal(
    text,
    `\
name      ms   aim
go      9.13  ≤ 10
bridge  1043
none       -`,
  )
})

t.test('three digits count', async (t) => {
  t.strictSame([0, 0.12345, 1.2345, 12.345, 123.45, 12345, -1.5, Infinity].map(formatNumber), [
    '0.000',
    '0.123',
    '1.23',
    '12.3',
    '123',
    '12345',
    '-1.50',
    '-',
  ])
})
