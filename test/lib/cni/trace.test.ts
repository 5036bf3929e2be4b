import t from 'tap'
import { isRecorded, stage, type Stage } from '../../../lib/base/stage.ts'
import { formatStages, Trace } from '../../../lib/cni/trace.ts'
import { contextOf } from '../../support/request.ts'

const started: Stage[] = [
  { name: 'start of Node', depth: 0, beginMs: -40, tookMs: 25.125 },
  { name: 'loading the plugins', depth: 0, beginMs: -14.5, tookMs: 14.5 },
]

function hostOf(stages: Stage[]) {
  const context = contextOf()
  const host = {
    ...context,
    version: '1',
    stderr: [] as string[],
    startStages: () => stages,
    writeStderr: (text: string) => void host.stderr.push(text),
  }
  return host
}

t.test('times are counted from the first stage, and written at once', async (t) => {
  const host = hostOf(started)
  {
    using trace = new Trace('bridge: ADD c1/eth0', host)
    trace.follow('trace')
    stage('ADD of host-local', () => {
      stage('working under the locks', () => host.sleep(81_234.5))
    })
    t.strictSame(host.stderr, [])
  }
  t.strictSame(host.stderr, [
    'bridge: ADD c1/eth0: at    0.00 ms took   25.13 ms: start of Node\n' +
      'bridge: ADD c1/eth0: at   25.50 ms took   14.50 ms: loading the plugins\n' +
      'bridge: ADD c1/eth0: at   40.00 ms took 81234.50 ms: ADD of host-local\n' +
      'bridge: ADD c1/eth0: at   40.00 ms took 81234.50 ms:   working under the locks\n',
  ])
  t.equal(isRecorded(), false)
})

t.test('a trace that has begun late, one that is not wanted, and one that never was', async (t) => {
  const late = hostOf([])
  {
    using trace = new Trace('x', late)
    late.sleep(5)
    trace.follow('trace', 'before')
    trace.follow('trace', 'before')
    stage('work', () => late.sleep(1))
  }
  t.strictSame(late.stderr, [
    'x: at    0.00 ms took    5.00 ms: before\nx: at    5.00 ms took    1.00 ms: work\n',
  ])

  const dropped = hostOf(started)
  {
    using trace = new Trace('x', dropped)
    trace.follow('trace')
    stage('work', () => {})
    trace.follow('debug')
    t.equal(isRecorded(), false)
  }
  t.strictSame(dropped.stderr, [])

  const never = hostOf(started)
  {
    using trace = new Trace('x', never)
    trace.follow('warn')
    stage('work', () => t.equal(isRecorded(), false))
  }
  t.strictSame(never.stderr, [])
})

t.test('within another trace it leaves the stages to that one', async (t) => {
  const [outer, inner] = [hostOf([]), hostOf([])]
  {
    using first = new Trace('outer', outer)
    first.follow('trace')
    stage('delegate', () => {
      using second = new Trace('inner', inner)
      second.follow('trace', 'before')
      stage('work', () => {})
    })
    t.equal(isRecorded(), true)
  }
  t.strictSame(inner.stderr, [])
  t.match(outer.stderr[0], /: delegate\nouter: .*: {3}work\n$/)
})

t.test('no stages', async (t) => {
  t.strictSame(formatStages([]), [])
})
