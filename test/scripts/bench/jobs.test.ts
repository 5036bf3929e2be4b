import t from 'tap'
import { decodeOutcome, encodeWork } from '../../../scripts/bench/jobs.ts'

const step = { file: '/bin/a', env: { A: '1', B: '' }, before: '{', after: '}' }

t.test('work as the caller reads it', async (t) => {
  const text = encodeWork({ jobs: [[step, { ...step, env: {} }], []], workers: 3, servers: [7, 8] })
  t.strictSame(text.split('\0'), [
    ...['3', '7', '8', '', '2'],
    ...['/bin/a', 'A=1', 'B=', '', '{', '}'],
    ...['/bin/a', '', '{', '}', '', ''],
    '',
  ])
  t.throws(() => encodeWork({ jobs: [[{ ...step, before: 'a\0b' }]], workers: 1, servers: [] }), {
    message: 'a zero byte in "a\\u0000b"',
  })
})

t.test('figures as the caller writes them', async (t) => {
  const output = Buffer.from('2500000 10000\n0 2000000 1500000 64 5\nä\n{}256 1 2 3 0\n')
  t.strictSame(decodeOutcome(output), {
    wallMs: 2.5,
    serverMs: 0.01,
    jobs: [
      { status: 0, wallMs: 2, cpuMs: 1.5, peakBytes: 65_536, output: 'ä\n{}' },
      { status: 256, wallMs: 0.000_001, cpuMs: 0.000_002, peakBytes: 3072, output: '' },
    ],
  })
  t.throws(() => decodeOutcome(output.subarray(0, -1)), { message: /output ends after 53 bytes/ })
})
