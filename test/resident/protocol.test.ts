import t from 'tap'
import { decodeHead, decodeStdin, encodeAnswer, greeting } from '../../resident/protocol.ts'

/** A call of both parts; undefined without the first. */
function decodeCall(bytes: Buffer) {
  const head = decodeHead(bytes)
  return head && { ...head, ...decodeStdin(bytes.subarray(head.length)) }
}

const bytes = (...parts: string[]) => Buffer.from(parts.join('\0'))

t.test('a call has a name, an environment and stdin', async (t) => {
  const call = decodeCall(
    bytes('bridge', 'CNI_COMMAND=ADD', 'EMPTY=', 'A=b=c', '', '{"x": "\0"}', ''),
  )
  t.equal(call?.isWhole, true)
  t.equal(call?.name, 'bridge')
  t.same(call?.env, { CNI_COMMAND: 'ADD', EMPTY: '', A: 'b=c' })
  t.equal(call?.stdin.toString(), '{"x": "\0"}')
})

t.test('a call may have nothing but a name', async (t) => {
  const call = decodeCall(bytes('bridge', '', '', ''))
  t.same(call?.env, {})
  t.equal(call?.isWhole, true)
  t.equal(call?.stdin.length, 0)
})

t.test('of two variables of one name the first counts', async (t) => {
  t.same(decodeCall(bytes('x', 'A=1', 'A=2', 'nothing', '=odd', '', '', ''))?.env, { A: '1' })
})

t.test('a variable called like a property of objects is one', async (t) => {
  const env = decodeCall(bytes('x', '__proto__=1', 'constructor=2', '', '', ''))?.env ?? {}
  t.strictSame(Object.entries(env).sort(), [
    ['__proto__', '1'],
    ['constructor', '2'],
  ])
})

t.test('a call that is cut off is not whole', async (t) => {
  const whole = bytes('bridge', 'CNI_COMMAND=ADD', '', '{}', '')
  const stdinAt = whole.length - 3
  for (let length = 0; length < whole.length; length++) {
    const call = decodeCall(whole.subarray(0, length))
    t.equal(call?.isWhole, length < stdinAt ? undefined : false, `${length} bytes`)
  }
})

t.test('an answer says how long its parts are in bytes', async (t) => {
  const answer = encodeAnswer({ exitCode: 1, stdout: 'ü', stderr: 'ab' })
  t.equal(answer.toString(), '1 2 2\nüab')
  t.equal(encodeAnswer({ exitCode: 0, stdout: '', stderr: '' }).toString(), '0 0 0\n')
})

t.test('the greeting names the version', async (t) => {
  t.equal(greeting('1.2.3'), 'flannel-ts v1.2.3\n')
})
