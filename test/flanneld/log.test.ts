import t from 'tap'
import { createAgentLog } from '../../flanneld/log.ts'
import { runSync } from '../../scripts/lab/run.ts'

function record({ verbosity = 0, now = (): number => 0 } = {}) {
  const lines: string[] = []
  const log = createAgentLog({ verbosity, pid: 1234, now, write: (text) => lines.push(text) })
  return { log, lines }
}

t.test('a line has the header of klog, in local time', async (t) => {
  for (const at of [1_795_293_404.123456, 1_751_328_000, 1_751_328_000.000001]) {
    const { log, lines } = record({ now: () => at * 1000 })
    log.info('Using interface with name eth0')
    const shown = runSync(['date', `--date=@${at.toFixed(6)}`, '+%m%d %H:%M:%S.%6N']).trim()
    // A fraction of a number so large is true to a quarter of a microsecond.
    const [found] = lines.map((line) => line.replace(/(?<=\.\d{5})\d/, 'x'))
    t.equal(found, `I${shown.replace(/\d$/, 'x')} 1234 flanneld] Using interface with name eth0\n`)
  }
})

t.test('severities, and what is written with -v', async (t) => {
  for (const [verbosity, wanted] of [
    [0, ['I', 'W', 'E']],
    [1, ['I', 'I', 'W', 'E']],
    [10, ['I', 'I', 'W', 'E']],
  ] as const) {
    const { log, lines } = record({ verbosity })
    log.debug('a detail')
    log.info('news')
    log.warn('trouble')
    log.error('failure')
    t.strictSame(
      lines.map((line) => line[0]),
      wanted,
    )
    t.equal(
      lines.some((line) => line.endsWith('] a detail\n')),
      verbosity > 0,
    )
  }
})

t.test('a message is one line that drives no terminal', async (t) => {
  const { log, lines } = record()
  log.error('found "a\nI1121 00:00:00.000000 1 x] b\x1b[31m\r\0\x9b"')
  t.match(lines[0], /\] found "a I1121 00:00:00\.000000 1 x\] b \[31m "\n$/)
})
