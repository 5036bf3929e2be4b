import fc from 'fast-check'
import t from 'tap'
import {
  attribute,
  attributeSet,
  decodeAttributes,
  encodeAttributes,
} from '../../../lib/netlink/attribute.ts'
import { flag, u16, u32, zeroTerminated } from '../../../lib/netlink/payload.ts'
import { roundTrip, values } from '../../support/netlink.ts'

const inner = attributeSet({ depth: attribute(1, 'INNER_DEPTH', u16) })
const sample = attributeSet({
  mtu: attribute(4, 'IFLA_MTU', u32),
  name: attribute(3, 'IFLA_IFNAME', zeroTerminated),
  inner: attribute(18, 'INNER', inner),
  on: attribute(5, 'ON', flag),
})

const bytes = (hex: string) => Uint8Array.fromHex(hex.replaceAll(' ', ''))

t.test('attributes are padded to four bytes, their length is not', async (t) => {
  const encoded = sample.encode({ name: 'lo', inner: { depth: 7 }, on: true })
  const name = '07000300 6c6f0000'
  const nested = '0c001200 06000100 07000000'
  t.strictSame(encoded, bytes(`${name} ${nested} 05000500 01000000`))
})

t.test('raw attributes come back', async (t) => {
  const raw = values({ type: fc.nat(0x3fff), payload: fc.uint8Array({ maxLength: 40 }) })
  fc.assert(
    fc.property(fc.array(raw, { maxLength: 8 }), (attributes) => {
      t.strictSame(decodeAttributes(encodeAttributes(attributes)), attributes)
    }),
    { numRuns: 50 },
  )
})

t.test('typed attributes come back, whatever is cut off', async (t) => {
  const samples = values(
    {},
    {
      mtu: fc.nat(0xffffffff),
      name: fc.string({ unit: 'grapheme' }).filter((name) => !name.includes('\0')),
      inner: values({ depth: fc.nat(0xffff) }),
      on: fc.boolean(),
    },
  )
  fc.assert(
    fc.property(samples, (value) => roundTrip(t, sample, value)),
    { numRuns: 30 },
  )
})

t.test('any bytes are read or refused', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
      try {
        const total = decodeAttributes(input).reduce((sum, a) => sum + a.payload.length + 4, 0)
        t.ok(total <= input.length)
      } catch (error) {
        t.type(error, RangeError)
      }
    }),
    { numRuns: 200 },
  )
})

t.test('lengths that are no length are refused', async (t) => {
  t.throws(
    () => decodeAttributes(bytes('03000400')),
    new RangeError('attribute 4: length 3, 4 bytes left'),
  )
  t.throws(
    () => decodeAttributes(bytes('09000480 00000000')),
    new RangeError('attribute 4: length 9, 8 bytes left'),
  )
  t.throws(
    () => decodeAttributes(bytes('0400')),
    new RangeError('struct nlattr: want 4 bytes, got 2'),
  )
})

t.test('a payload of another size is refused by name', async (t) => {
  t.throws(
    () => sample.decode(bytes('06000400 00000000')),
    new RangeError('IFLA_MTU: want 4 bytes, got 2'),
  )
  t.throws(
    () => sample.decode(bytes('0c001200 08000100 00000000')),
    new RangeError('INNER: INNER_DEPTH: want 2 bytes, got 4'),
  )
  t.throws(() => sample.encode({ mtu: -1 }), new RangeError('IFLA_MTU: -1 does not fit in u32'))
})

t.test('unknown attributes are skipped, of equal ones the last counts', async (t) => {
  const encoded = bytes('05007700 01000000 08000400 01000000 08000400 02000000')
  t.strictSame(sample.decode(encoded), { mtu: 2 })
})

t.test('the flag of nested attributes is no part of the type', async (t) => {
  t.strictSame(sample.decode(bytes('0c001280 06000100 07000000')), { inner: { depth: 7 } })
})
