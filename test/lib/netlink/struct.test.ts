import fc from 'fast-check'
import t from 'tap'
import { struct } from '../../../lib/netlink/struct.ts'
import { roundTrip, values } from '../../support/netlink.ts'

const sample = struct('sample', 12, {
  byte: ['u8', 0],
  short: ['u16', 2],
  int: ['i32', 4],
  word: ['u32', 8],
})

t.test('fields stand at their offsets, in the byte order of the host', async (t) => {
  const bytes = sample.encode({ byte: 0x01, short: 0x0203, int: -2, word: 0x04050607 })
  t.equal(bytes.toHex(), '01000302feffffff07060504')
})

t.test('fields that are not given are zero', async (t) => {
  t.strictSame(sample.encode({ byte: undefined }), new Uint8Array(12))
})

t.test('every value comes back', async (t) => {
  const samples = values({
    byte: fc.nat(0xff),
    short: fc.nat(0xffff),
    int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    word: fc.nat(0xffffffff),
  })
  fc.assert(
    fc.property(samples, (value) => roundTrip(t, sample, value)),
    { numRuns: 20 },
  )
})

t.test('bytes that follow are left alone', async (t) => {
  t.equal(sample.decode(new Uint8Array(20).fill(1)).word, 0x01010101)
})

t.test('too few bytes are refused', async (t) => {
  const message = 'struct sample: want 12 bytes, got 11'
  t.throws(() => sample.decode(new Uint8Array(11)), new RangeError(message))
})

t.test('a value that does not fit is refused', async (t) => {
  const refused = [
    [{ byte: 256 }, '256 does not fit in u8'],
    [{ short: -1 }, '-1 does not fit in u16'],
    [{ word: 2 ** 32 }, '4294967296 does not fit in u32'],
    [{ int: 2 ** 31 }, '2147483648 does not fit in i32'],
    [{ int: -(2 ** 31) - 1 }, '-2147483649 does not fit in i32'],
    [{ word: 1.5 }, '1.5 does not fit in u32'],
    [{ word: NaN }, 'NaN does not fit in u32'],
  ] as const
  for (const [value, message] of refused) {
    t.throws(() => sample.encode(value), new RangeError(message))
  }
})
