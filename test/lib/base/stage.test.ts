import t from 'tap'
import { isRecorded, stage, StageRecorder } from '../../../lib/base/stage.ts'

/** A recorder, and the time of its clock in ms. */
function setUp() {
  const time = { ms: 100 }
  return { time, recorder: new StageRecorder(() => time.ms) }
}

t.test('without a recorder a stage is its work', async (t) => {
  t.equal(isRecorded(), false)
  t.equal(
    stage('work', () => 7),
    7,
  )
  const error = new Error('no')
  t.throws(
    () =>
      stage('work', () => {
        throw error
      }),
    error,
  )
})

t.test('stages in the order in which they began', async (t) => {
  const { time, recorder } = setUp()
  using scope = recorder
  const value = stage('outer', () => {
    time.ms += 1
    stage('first', () => (time.ms += 10))
    time.ms += 2
    stage('second', () => (time.ms += 20))
    t.strictSame(
      scope.stages().map(({ name }) => name),
      ['first', 'second'],
      'one that has not ended has no duration',
    )
    return 'value'
  })
  t.equal(value, 'value')
  stage('next', () => time.ms)
  t.strictSame(scope.stages(), [
    { name: 'outer', depth: 0, beginMs: 100, tookMs: 33 },
    { name: 'first', depth: 1, beginMs: 101, tookMs: 10 },
    { name: 'second', depth: 1, beginMs: 113, tookMs: 20 },
    { name: 'next', depth: 0, beginMs: 133, tookMs: 0 },
  ])
})

t.test('a stage that fails has ended', async (t) => {
  const { time, recorder } = setUp()
  using scope = recorder
  const failing = () =>
    stage('outer', () =>
      stage('inner', () => {
        time.ms += 5
        throw new RangeError('no')
      }),
    )
  t.throws(failing, new RangeError('no'))
  stage('rollback', () => (time.ms += 1))
  t.strictSame(
    scope.stages().map(({ name, depth, tookMs }) => `${depth} ${name} ${tookMs}`),
    ['0 outer 5', '1 inner 5', '0 rollback 1'],
  )
})

t.test('a recorder hears what is within its scope', async (t) => {
  const { time, recorder } = setUp()
  stage('around', () => {
    using other = new StageRecorder(() => time.ms)
    stage('heard by both', () => {})
    t.equal(other.stages().length, 1)
  })
  t.equal(isRecorded(), true)
  recorder[Symbol.dispose]()
  t.equal(isRecorded(), false)
  stage('after', () => {})
  t.strictSame(
    recorder.stages().map(({ name }) => name),
    ['around', 'heard by both'],
  )
})

t.test('a recorder that came in the middle of a stage', async (t) => {
  const { time, recorder } = setUp()
  recorder[Symbol.dispose]()
  const late = stage('begun before', () => {
    const made = new StageRecorder(() => time.ms)
    stage('begun after', () => {})
    return made
  })
  using scope = late
  stage('next', () => {})
  t.strictSame(
    scope.stages().map(({ name, depth }) => `${depth} ${name}`),
    ['0 begun after', '0 next'],
  )
})
