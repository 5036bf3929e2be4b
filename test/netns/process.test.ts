/** The packaged executables as processes: their streams. */
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { makeQuarantine } from '../support/quarantine.ts'

const options = { skip: kernelSkip() }
const conf = '{"cniVersion":"1.1.0","name":"net1","type":"loopback"}'

t.test('a stdin that nobody closes', options, async (t) => {
  const node = makeQuarantine(t)
  const pipe = join(node.node.dir, 'pipe')
  // A pipe that is its own writer has no end.
  const script = `mkfifo ${pipe}; exec 3<>${pipe}; printf '{' >&3; exec "$1" <&3`
  const started = Date.now()
  const { code, stdout, stderr } = await node.shell('bridge', script, {}, '')
  t.strictSame(JSON.parse(stdout), {
    code: 5,
    msg: 'error reading from stdin: not closed within 10 s',
    details: 'the runtime must write the network configuration to stdin and close it',
  })
  t.strictSame([code, stderr], [1, ''])
  t.ok(Date.now() - started < 20_000)
})

t.test('a call by hand', options, async (t) => {
  const node = makeQuarantine(t)
  const { code, stdout, stderr } = await node.call('bridge', { CNI_COMMAND: undefined }, '')
  t.strictSame([code, stdout], [0, ''])
  t.match(
    stderr,
    /^CNI bridge plugin v\d.*\nCNI protocol versions supported: 0\.1\.0, .*1\.1\.0\n$/,
  )
  const other = await node.shell('bridge', 'ln -s "$1" /opt/unknown; exec /opt/unknown', {}, conf)
  t.strictSame([other.code, other.stdout], [1, ''])
  t.match(other.stderr, /^this executable is flannel, bridge, .* not unknown\n$/)
})

const streams: [script: string, want: { code: number; stdout: RegExp; stderr: string }][] = [
  [
    'exec "$1" >/dev/full',
    {
      code: 1,
      stdout: /^$/,
      stderr: 'loopback: writing to stdout: write: no space left on device\n',
    },
  ],
  ['exec "$1" 2>/dev/full', { code: 0, stdout: /"cniVersion": "1\.1\.0"/, stderr: '' }],
  ['exec "$1" 2>&-', { code: 0, stdout: /"cniVersion": "1\.1\.0"/, stderr: '' }],
  ['exec "$1" >&-', { code: 0, stdout: /^$/, stderr: '' }],
  ['exec "$1" <&-', { code: 1, stdout: /Unexpected end of JSON input/, stderr: '' }],
  [
    'exec "$1" </etc',
    { code: 1, stdout: /error reading from stdin: read: is a directory/, stderr: '' },
  ],
]

t.test('streams that are closed, full or no streams', options, async (t) => {
  const node = makeQuarantine(t)
  for (const [script, { code, stdout, stderr }] of streams) {
    const outcome = await node.shell('loopback', script, {}, conf)
    t.equal(outcome.code, code, script)
    t.match(outcome.stdout, stdout, script)
    t.equal(outcome.stderr, stderr, script)
  }
})
