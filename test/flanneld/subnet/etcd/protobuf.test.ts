import fc from 'fast-check'
import t from 'tap'
import { prefixEnd } from '../../../../flanneld/subnet/etcd/messages.ts'
import {
  bytes,
  flag,
  int64,
  integer,
  message,
  nested,
  repeated,
  text,
} from '../../../../flanneld/subnet/etcd/protobuf.ts'

const inner = message({ name: [1, text], count: [2, integer] })
const outer = message({
  id: [1, int64],
  data: [2, bytes],
  isOn: [3, flag],
  inner: [15, nested(inner)],
  list: [16, repeated(nested(inner))],
})

const inners = fc.record(
  { name: fc.string(), count: fc.maxSafeInteger() },
  { noNullPrototype: true },
)
const outers = fc.record({
  id: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  data: fc.uint8Array(),
  isOn: fc.boolean(),
  inner: fc.option(inners, { nil: undefined }),
  list: fc.array(inners),
})

t.test('every message comes back', async (t) => {
  fc.assert(
    fc.property(outers, (value) => {
      const { data, ...rest } = outer.decode(outer.encode(value))
      t.strictSame({ ...rest, data: [...data] }, { ...value, data: [...value.data] })
    }),
    { numRuns: 50 },
  )
})

t.test('the bytes of the specification’s examples', async (t) => {
  // protobuf.dev/programming-guides/encoding: 08 96 01 is field 1 with 150
  t.equal(Buffer.from(message({ a: [1, integer] }).encode({ a: 150 })).toString('hex'), '089601')
  const name = message({ b: [2, text] }).encode({ b: 'testing' })
  t.equal(Buffer.from(name).toString('hex'), '120774657374696e67')
  t.strictSame(message({ a: [1, integer] }).decode(Buffer.alloc(0)), { a: 0 })
})

t.test('what is not known is skipped, what is cut off refused', async (t) => {
  const bytesOf = (hex: string) => Buffer.from(hex, 'hex')
  // a varint, eight bytes, text and four bytes, before field 1
  const mixed = bytesOf('2801' + '310102030405060708' + '3a0178' + '4501020304' + '089601')
  t.strictSame(message({ a: [1, integer] }).decode(mixed), { a: 150 })
  for (const hex of ['08', '0896', '0a05', '0a0561', '0b', '310102', `08${'ff'.repeat(11)}`]) {
    t.throws(() => inner.decode(bytesOf(hex)), RangeError, hex)
  }
  t.throws(() => inner.decode(bytesOf('0801')), { message: /number where bytes/ })
})

t.test('the end of a prefix', async (t) => {
  t.equal(Buffer.from(prefixEnd('/a/')).toString(), '/a0')
  t.strictSame([...prefixEnd('')], [0])
})
