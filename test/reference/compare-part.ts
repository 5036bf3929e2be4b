/** Runs the cases of a test file with both implementations, and checks what is different. */
import type { Test } from 'tap'
import type { Case } from './case.ts'
import { compare } from './compare.ts'
import { explain, isOf, readDifferences, type Row, showingCase } from './differences.ts'
import { referenceSkip } from './go-plugins.ts'
import { cases, type Part, parts } from './parts.ts'

/** Some of a case is waiting: for the kernel, and for the Go plugins' clocks. */
const casesAtOnce = 3

const timeoutMs = 120_000

/** Our executables and the Go ones do the same, but for what stands in the table of differences. */
export function comparePart(t: Test, part: Part): void {
  t.setTimeout(timeoutMs)
  // What Go's flannel did is written down.
  const skip = part.startsWith('flannel') ? false : referenceSkip()
  const rows = readDifferences()
  const seen = new Set<Row>()
  const own: readonly Case[] = parts[part]

  t.test('every case', { skip }, async (t) => {
    t.jobs = casesAtOnce
    for (const each of own) {
      t.test(each.name, async (t) => {
        for (const row of await compareCase(t, each, rows)) seen.add(row)
      })
    }
  })

  t.test('the rows of the table of differences', { skip }, async (t) => {
    const unseen = rows.filter((row) => !seen.has(row) && own.includes(showingCase(row, cases)))
    t.strictSame(
      unseen.map(({ id }) => id),
      [],
      'are all seen',
    )
  })
}

/** Returns the rows that the case has shown. */
async function compareCase(t: Test, testCase: Case, rows: readonly Row[]): Promise<Set<Row>> {
  const { differs = [] } = testCase
  const seen = new Set<Row>()
  const unexplained = (await compare(testCase)).filter((found) => {
    const row = explain(found, rows, differs)
    if (row !== undefined) seen.add(row)
    return row === undefined
  })
  t.strictSame(unexplained, [], 'no difference that the table does not have')
  const missing = differs.filter((name) => ![...seen].some(({ id }) => isOf(id, name)))
  t.strictSame(missing, [], 'every difference that the case names')
  return seen
}
