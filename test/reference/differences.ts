/** The table of differences that are allowed, and which of them explains what was found. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './case.ts'
import type { Difference } from './tree.ts'

/** A row of the table. */
export interface Row {
  readonly id: string
  /** Whether it holds only for cases that name it. */
  readonly named: boolean
  /** Keys with blanks between; `*` is anything but a blank and a slash. */
  readonly field: string
  /** A value as it stands, or a regular expression for all of it between slashes. */
  readonly go: string
  readonly ours: string
  readonly reason: string
}

const file = join(import.meta.dirname, 'differences.md')

/** How the headings of the sections begin: for rows of every case, and of those that name them. */
const everyCase = '## In every case'
const namingCases = '## In the cases that name the row'

/** Reads the table. Throws when a row is not complete or not the only one of its name. */
export function readDifferences(text = readFileSync(file, 'utf8')): Row[] {
  const rows: Row[] = []
  let named: boolean | undefined
  for (const line of text.split('\n')) {
    if (line.startsWith(everyCase)) named = false
    if (line.startsWith(namingCases)) named = true
    if (!line.startsWith('|') || named === undefined || /^\| *(?:Row|-+) *\|/.test(line)) continue
    const row = parseRow(line, named)
    if (rows.some(({ id }) => id === row.id)) throw new Error(`two rows ${row.id}`)
    rows.push(row)
  }
  return rows
}

function parseRow(line: string, named: boolean): Row {
  const cells = line.split(/(?<!\\)\|/).slice(1, -1)
  const [id = '', field = '', go = '', ours = '', reason = ''] = cells.map(cellText)
  if (cells.length !== 5 || [id, field, reason].includes('')) throw new Error(`no row: ${line}`)
  return { id, named, field, go, ours, reason }
}

function cellText(cell: string): string {
  const text = cell.trim().replaceAll('\\|', '|')
  return /^`.*`$/.test(text) ? text.slice(1, -1) : text
}

/** The row that explains a difference in a case that names these rows; undefined for none. */
export function explain(
  { field, go, ours }: Difference,
  rows: readonly Row[],
  names: readonly string[],
): Row | undefined {
  return rows.find(
    (row) =>
      (!row.named || names.some((name) => isOf(row.id, name))) &&
      isField(row.field, field) &&
      isValue(row.go, go) &&
      isValue(row.ours, ours),
  )
}

/**
 * The case that must show a row: the first that names it, or else the first that names its group.
 * Throws when there is none.
 */
export function showingCase({ id }: Row, cases: readonly Case[]): Case {
  const naming = cases.filter(({ differs = [] }) => differs.some((name) => isOf(id, name)))
  const [found = naming[0]] = naming.filter(({ differs = [] }) => differs.includes(id))
  if (found === undefined) throw new Error(`no case has the row ${id}`)
  return found
}

/** Whether a row is the named one, or one of the named group: `rollback/link` is of `rollback`. */
export function isOf(id: string, name: string): boolean {
  return id === name || id.startsWith(`${name}/`)
}

function isField(pattern: string, field: string): boolean {
  const literal = (part: string) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const expression = pattern.split('*').map(literal).join('[^ /]*')
  return new RegExp(`^${expression}$`).test(field)
}

function isValue(pattern: string, value: string): boolean {
  const [, expression] = /^\/(.*)\/$/.exec(pattern) ?? []
  if (expression === undefined) return pattern === value
  return new RegExp(`^(?:${expression})$`).test(value)
}
