/** Netlink for tests: messages that the kernel and iproute2 wrote, and kernels made of a function. */
import { readFileSync } from 'node:fs'
import { constants } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Arbitrary } from 'fast-check'
import { SyscallError } from '../../lib/linux/libc.ts'
import { concat } from '../../lib/netlink/attribute.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import {
  decodeMessages,
  encodeMessage,
  type Message,
  NLMSG_ERROR,
} from '../../lib/netlink/message.ts'
import type { Codec } from '../../lib/netlink/struct.ts'

/** What `roundTrip` and `sends` need of a test; tap's `t` is one. */
export interface Assertions {
  strictSame(found: unknown, wanted: unknown, message: string): unknown
  equal(found: unknown, wanted: unknown, message: string): unknown
  fail(message: string): unknown
}

const fixtures = join(import.meta.dirname, '../fixtures/netlink')

/** The bytes of a captured message: its file holds hexadecimal digits, and remarks behind `#`. */
export function captured(name: string): Uint8Array {
  const text = readFileSync(join(fixtures, `${name}.hex`), 'utf8')
  return Uint8Array.fromHex(text.replaceAll(/#.*/g, '').replaceAll(/\s/g, ''))
}

/** The message in a captured file. */
export function capturedMessage(name: string): Message {
  const [message] = decodeMessages(captured(name))
  if (message === undefined) throw new Error(`${name}.hex holds no message`)
  return message
}

type Arbitraries<T> = { [K in keyof T]: Arbitrary<T[K]> }

/** Plain objects with all of some fields, and any of others. */
export function values<R extends object, O extends object>(
  required: Arbitraries<R>,
  optional = {} as Arbitraries<O>, // left out when O has no fields
): Arbitrary<R & Partial<O>> {
  const some = fc.record(optional, { requiredKeys: [] })
  return fc.tuple(fc.record(required), some).map((parts) => {
    return Object.assign({}, ...parts) as R & Partial<O> // its very fields
  })
}

/**
 * Checks a codec on one value, which must name every field of its structure: it reads what it
 * wrote, at an odd offset and behind another message too, and of bytes cut off anywhere it reads
 * nothing but whole attributes.
 */
export function roundTrip<T extends object>(t: Assertions, codec: Codec<T>, value: T): void {
  const payload = codec.encode(value)
  t.strictSame(codec.decode(payload), value, 'reads what it wrote')
  const shifted = concat([new Uint8Array(1), payload]).subarray(1)
  t.strictSame(codec.decode(shifted), value, 'reads it at an odd offset')
  const message = encodeMessage({ type: 16, flags: 0, sequence: 1, payload })
  const both = decodeMessages(concat([message, message])).map((m) => codec.decode(m.payload))
  t.strictSame(both, [value, value], 'reads it twice, back to back')
  for (let length = 0; length < payload.length; length++) {
    const misread = partOf(codec, payload.subarray(0, length), value)
    if (misread !== undefined) t.fail(`cut off at byte ${length} it reads ${misread}`)
  }
}

/** What is read wrongly from bytes that were cut off; undefined when nothing is. */
function partOf<T extends object>(codec: Codec<T>, cut: Uint8Array, value: T): string | undefined {
  const wanted = Object.entries(value).map((entry) => inspect(entry))
  try {
    return Object.entries(codec.decode(cut))
      .map((entry) => inspect(entry))
      .find((entry) => !wanted.includes(entry))
  } catch (error) {
    return error instanceof RangeError ? undefined : String(error)
  }
}

function inspect(entry: unknown): string {
  return JSON.stringify(entry, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  )
}

/** A connection to a kernel that answers a datagram of requests with datagrams. */
export function connectTo(kernel: (requests: Message[]) => Uint8Array[]): Connection {
  const answers: Uint8Array[] = []
  return new Connection({
    send: (datagram) => void answers.push(...kernel(decodeMessages(datagram))),
    receive() {
      const datagram = answers.shift()
      if (datagram === undefined) throw new SyscallError('recv', constants.errno.EAGAIN)
      return datagram
    },
    [Symbol.dispose]: () => {},
  })
}

/** The acknowledgement of a request; `errno` is positive. */
export function ack({ sequence }: Message, errno = 0): Uint8Array {
  const NLM_F_CAPPED = 0x100
  const payload = new Uint8Array(20)
  new DataView(payload.buffer).setInt32(0, -errno, true)
  return encodeMessage({ type: NLMSG_ERROR, flags: NLM_F_CAPPED, sequence, payload })
}

/**
 * Checks that `act` sends as its first request what iproute2 sent, and returns the flags of both.
 * Every GET is answered with the message of the file `answer`.
 */
export function sends(
  t: Assertions,
  name: string,
  act: (connection: Connection) => unknown,
  answer?: string,
): { flags: number; wantedFlags: number } {
  const sent: Message[] = []
  act(
    connectTo((requests) => {
      sent.push(...requests)
      return requests.map((request) => {
        const isGet = request.type % 4 === 2 // linux/rtnetlink.h: NEW, DEL, GET, SET
        const shown = isGet && answer !== undefined ? [reply(answer, request)] : []
        return concat([...shown, ack(request)])
      })
    }),
  )
  const wanted = capturedMessage(name)
  t.equal(sent[0]?.type, wanted.type, `type of ${name}`)
  t.equal(sent[0]?.payload.toHex(), wanted.payload.toHex(), `bytes of ${name}`)
  return { flags: sent[0]?.flags ?? 0, wantedFlags: wanted.flags }
}

function reply(name: string, { sequence }: Message): Uint8Array {
  return encodeMessage({ ...capturedMessage(name), sequence })
}
