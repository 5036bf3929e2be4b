/**
 * Our executables and the Go ones do the same, case by case; what they do differently stands in the
 * table of differences.
 */
import t from 'tap'
import { cases } from './cases.ts'
import { compare } from './compare.ts'
import { referenceSkip } from './go-plugins.ts'
import { explain, isOf, readDifferences } from './differences.ts'

/** Most of a case is waiting: for the kernel, and for the Go plugins' clocks. */
const casesAtOnce = 8

t.setTimeout(600_000) // a machine may have other things to do, too

const rows = readDifferences()
const used = new Set<string>()

const skip = referenceSkip()

t.test('every case', { skip }, async (t) => {
  t.jobs = casesAtOnce
  for (const testCase of cases) {
    t.test(testCase.name, async (t) => {
      const { differs = [] } = testCase
      const seen = new Set<string>()
      const unexplained = (await compare(testCase)).filter((found) => {
        const row = explain(found, rows, differs)
        if (row !== undefined) seen.add(row.id)
        return row === undefined
      })
      t.strictSame(unexplained, [], 'no difference that the table does not have')
      const missing = differs.filter((name) => ![...seen].some((id) => isOf(id, name)))
      t.strictSame(missing, [], 'every difference that the case names')
      for (const id of seen) used.add(id)
    })
  }
})

t.test('every row of the table of differences is seen in a case', { skip }, async (t) => {
  const unused = rows.filter(({ id }) => !used.has(id)).map(({ id }) => id)
  t.strictSame(unused, [])
})

t.test('there are many cases, and each has a name of its own', async (t) => {
  const names = cases.map(({ name }) => name)
  t.equal(new Set(names).size, names.length)
  t.ok(names.length >= 150, `${names.length} cases`)
})
