import fc from 'fast-check'
import t from 'tap'
import { concat } from '../../../lib/netlink/attribute.ts'
import {
  decodeAck,
  decodeMessages,
  encodeMessage,
  type Message,
  NLMSG_DONE,
} from '../../../lib/netlink/message.ts'
import { ack, captured, capturedMessage, values } from '../../support/netlink.ts'

const messages = fc.array(
  values({
    type: fc.nat(0xffff),
    flags: fc.nat(0xffff),
    sequence: fc.nat(0xffffffff),
    port: fc.nat(0xffffffff),
    payload: fc.uint8Array({ maxLength: 30 }),
  }),
  { minLength: 1, maxLength: 5 },
)

t.test('a request of iproute2 is read and written as it is', async (t) => {
  const bytes = captured('link-set-up')
  const [message, ...rest] = decodeMessages(bytes)
  t.match(message, { type: 16, flags: 0x5, payload: { length: 16 } })
  t.strictSame(rest, [])
  t.strictSame(message && encodeMessage(message), bytes)
})

t.test('messages come back from one datagram', async (t) => {
  fc.assert(
    fc.property(messages, (all) => {
      t.strictSame(decodeMessages(concat(all.map(encodeMessage))), all)
    }),
    { numRuns: 50 },
  )
})

t.test('a message that is cut off anywhere is refused', async (t) => {
  fc.assert(
    fc.property(messages, (all) => {
      const last = all.at(-1) ?? { payload: [] }
      const start = concat(all.slice(0, -1).map(encodeMessage)).length
      const bytes = concat(all.map(encodeMessage))
      for (let cut = start + 1; cut < start + 16 + last.payload.length; cut++) {
        t.throws(() => decodeMessages(bytes.subarray(0, cut)), RangeError, `cut at ${cut}`)
      }
    }),
    { numRuns: 20 },
  )
})

t.test('a length shorter than the header is refused', async (t) => {
  const bytes = captured('link-set-up').slice()
  bytes[0] = 15
  t.throws(
    () => decodeMessages(bytes),
    new RangeError('netlink message 16: length 15, 32 bytes left'),
  )
})

t.test('any bytes are read or refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      try {
        t.ok(decodeMessages(bytes).length <= bytes.length / 16 + 1)
      } catch (error) {
        t.type(error, RangeError)
      }
    }),
    { numRuns: 100 },
  )
})

t.test('an acknowledgement tells success from failure', async (t) => {
  const request: Message = { type: 16, flags: 0, sequence: 7, payload: new Uint8Array(0) }
  const read = (bytes: Uint8Array) => decodeMessages(bytes).map(decodeAck)
  t.strictSame(read(ack(request)), [{ errno: 0 }])
  t.strictSame(read(ack(request, 17)), [{ errno: 17 }])
})

t.test("the kernel's words stand behind the request that it repeats", async (t) => {
  t.strictSame(decodeAck(capturedMessage('address-add-exists')), {
    errno: 17,
    text: 'ipv4: Address already assigned',
  })
  t.strictSame(decodeAck(capturedMessage('route-add-hostbits')), {
    errno: 22,
    text: 'Invalid prefix for given prefix length',
  })
})

t.test('a refusal without words', async (t) => {
  t.strictSame(decodeAck(capturedMessage('link-add-veth-exists')), { errno: 17 })
})

t.test('the place of the error in the request', async (t) => {
  t.strictSame(decodeAck(capturedMessage('link-set-mtu-refused')), {
    errno: 34,
    text: 'Attribute failed policy validation',
    offset: 32,
  })
})

t.test('the end of a dump holds an error and words too', async (t) => {
  const words = '08000100 6f6f7073'.replaceAll(' ', '')
  const message = { type: NLMSG_DONE, flags: 0x202, sequence: 1 }
  const payload = Uint8Array.fromHex(`f0ffffff${words}`)
  t.strictSame(decodeAck({ ...message, payload }), { errno: 16, text: 'oops' })
  t.strictSame(decodeAck({ ...message, flags: 2, payload: new Uint8Array(4) }), { errno: 0 })
})

t.test('an acknowledgement that is cut off is refused', async (t) => {
  const whole = capturedMessage('address-add-exists')
  for (const length of [0, 3, 4, 19]) {
    const payload = whole.payload.subarray(0, length)
    t.throws(() => decodeAck({ ...whole, payload }), RangeError, `${length} bytes`)
  }
})
