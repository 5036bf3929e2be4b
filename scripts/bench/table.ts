/** Tables of figures, as dist/bench.json has them, and as text: pure. */

export interface Table {
  readonly title: string
  /** How it was measured, for a person. */
  readonly how: string
  readonly rows: readonly Row[]
  /** The columns whose ratios to Go and to the other build are shown. */
  readonly compared?: readonly string[]
  readonly notes?: readonly string[]
}

export interface Row {
  /** Of a contestant: Go's begins with `go`, and the other build's is that of ours behind `other`. */
  readonly name: string
  readonly values: Values
}

/** Figures by the headings of their columns, e.g. `p50 ms`. */
export type Values = Readonly<Record<string, number>>

/** A figure of these tables; NaN when it was not measured. */
export function valueIn(tables: readonly Table[], title: string, name: string, column: string) {
  const rows = tables.find((table) => table.title === title)?.rows
  return rows?.find((row) => row.name === name)?.values[column] ?? NaN
}

/** The title, and the rows with their ratios: names to the left and figures to the right. */
export function formatTable({ title, how, rows, compared = [], notes = [] }: Table): string {
  const go = rows.find(({ name }) => name.startsWith('go '))
  const whole = rows.map(({ name, values }): Row => {
    const other = rows.find((row) => row.name === `other ${name}`)
    const all = {
      ...values,
      ...ratios(values, go?.values, compared, 'Go'),
      ...ratios(values, other?.values, compared, 'other'),
    }
    return { name, values: all }
  })
  const columns = [...new Set(whole.flatMap(({ values }) => Object.keys(values)))]
  const lines = whole.map(({ name, values }) => [
    name,
    ...columns.map((column) => formatCell(values[column])),
  ])
  const heading = how === '' ? title : `${title}; ${how}`
  return [heading, alignColumns([['', ...columns], ...lines]), ...notes].join('\n')
}

function ratios(
  values: Values,
  reference: Values | undefined,
  columns: readonly string[],
  name: string,
): Values {
  if (reference === undefined) return {}
  const entries = columns.map((column) => [
    `${column.replace(/ (?:ms|MB)$/, '')} to ${name}`,
    (values[column] ?? NaN) / (reference[column] ?? NaN),
  ])
  return Object.fromEntries(entries) as Values
}

/** Lines whose first column is to the left, and the others are to the right. */
export function alignColumns(lines: readonly (readonly string[])[]): string {
  const width = (column: number) => Math.max(...lines.map((line) => line[column]?.length ?? 0))
  const cell = (text: string, column: number) =>
    column === 0 ? text.padEnd(width(0)) : text.padStart(width(column))
  return lines.map((line) => line.map(cell).join('  ').trimEnd()).join('\n')
}

function formatCell(value: number | undefined): string {
  return value === undefined ? '' : formatNumber(value)
}

/** `7`, `0.123`, `1.23`, `12.3`, `123`; `-` for what is no number. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-'
  if (Number.isInteger(value)) return String(value)
  const size = Math.abs(value)
  return value.toFixed(size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0)
}
