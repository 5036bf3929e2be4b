import t from 'tap'
import { Parser } from 'tap-parser'
import { Report } from '../../../scripts/test/report.ts'

/** The report of a TAP text, fed as the test runner does. */
function reportOf(tap: string): Report {
  const report = new Report()
  const parser = new Parser()
  for (const event of ['pass', 'fail', 'skip', 'todo']) {
    parser.on(event, (point) => report.point(point))
  }
  parser.end(tap)
  return report
}

const mixed = `TAP version 14
# Subtest: a.test.ts
    # Subtest: inner
        ok 1 - fine
        not ok 2 - wrong
          ---
          diff: |
            -1
            +2
          ...
        ok 3 - cannot # SKIP no VLAN filtering in the kernel
        not ok 4 - later # TODO
        1..4
    not ok 1 - inner
    1..1
not ok 1 - a.test.ts
1..1
`

t.test('failures in full, skips with reasons, the counts as the last line', async (t) => {
  const report = reportOf(mixed)
  const text = report.text('the.tap')
  t.equal(report.isGood(), false)
  t.match(text, 'FAILED a.test.ts > inner > wrong\n  diff:\n    -1\n    +2\n')
  t.match(text, 'a.test.ts > inner > cannot: no VLAN filtering in the kernel')
  t.match(text, 'a.test.ts > inner > later: to do: no reason given')
  t.match(text, 'the.tap')
  t.equal(text.split('\n').at(-1), '1 passed, 1 failed, 2 skipped')
})

t.test('all passed', async (t) => {
  const report = reportOf('TAP version 14\nok 1 - a\nok 2 - b\n1..2\n')
  t.equal(report.isGood(), true)
  report.ended(0)
  t.equal(report.text('the.tap'), '\n2 passed, 0 failed, 0 skipped')
})

t.test('no test at all is no success', async (t) => {
  const report = reportOf('TAP version 14\n1..0\n')
  t.equal(report.isGood(), false)
  t.match(report.text('the.tap'), /No test ran\.\n\n0 passed, 0 failed, 0 skipped$/)
})

t.test('an exit status that no test explains is a failure', async (t) => {
  const report = reportOf('TAP version 14\nok 1 - a\n1..1\n')
  report.ended(1)
  t.equal(report.isGood(), false)
  t.match(report.text('the.tap'), /exit status 1.*1 passed, 1 failed, 0 skipped$/s)
})
