import t from 'tap'
import { execute } from '../../../lib/base/exec.ts'
import { StageRecorder } from '../../../lib/base/stage.ts'

const options = {
  input: '',
  env: { PATH: process.env['PATH'], GREETING: 'hello' },
  timeoutMs: 5000,
}
const shell = (script: string, changes: object = {}) =>
  execute('/bin/sh', ['-c', script], { ...options, ...changes })

t.test('runs a program on its stdin and environment', async (t) => {
  const { stdout, stderr, failure } = shell('cat; echo " $GREETING"; echo no >&2', { input: 'in' })
  t.strictSame(
    { stdout, stderr, failure },
    { stdout: 'in hello\n', stderr: 'no\n', failure: undefined },
  )
})

t.test('does not mind a program that leaves its stdin unread', async (t) => {
  const input = 'x'.repeat(1024 * 1024) // more than a pipe holds
  t.equal(shell('exit 0', { input }).failure, undefined)
  t.strictSame(shell('exit 3', { input }).failure, { text: 'exit status 3' })
})

t.test('words failures as Go does', async (t) => {
  t.strictSame(shell('kill -9 $$').failure, { text: 'signal: killed' })
  const text = 'fork/exec /etc/passwd: permission denied'
  t.strictSame(execute('/etc/passwd', [], options).failure, { text, code: 'EACCES' })
  t.strictSame(execute('/nowhere/x', [], options).failure, {
    text: 'fork/exec /nowhere/x: no such file or directory',
    code: 'ENOENT',
  })
})

t.test('kills a program that takes too long', async (t) => {
  t.strictSame(shell('exec sleep 30', { timeoutMs: 200 }).failure, {
    text: 'signal: killed',
    code: 'ETIMEDOUT',
    details: 'it did not end within 0.2 s and was killed',
  })
})

t.test('kills a program that writes too much', async (t) => {
  t.strictSame(shell('exec head -c 17000000 /dev/zero').failure, {
    text: 'signal: killed',
    code: 'ENOBUFS',
    details: 'it wrote more than 16777216 bytes and was killed',
  })
})

t.test('a program is a stage, named by the beginning of its command line', async (t) => {
  using recorder = new StageRecorder(() => 0)
  shell(`exit 1 # ${'x'.repeat(200)}`)
  const [stage] = recorder.stages()
  t.match(stage?.name, /^running \/bin\/sh -c exit 1 # x+$/)
  t.equal(stage?.name.length, 'running '.length + 120)
})
