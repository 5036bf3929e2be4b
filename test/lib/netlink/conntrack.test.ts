import fc from 'fast-check'
import t from 'tap'
import { formatIp, ipFromBytes } from '../../../lib/ip/ip.ts'
import {
  conntrackMessage,
  conntrackTuple,
  CT_DELETE,
  CT_GET,
  CTA_FILTER_F_CTA_PROTO_DST_PORT,
  CTA_FILTER_F_CTA_PROTO_NUM,
} from '../../../lib/netlink/conntrack.ts'
import { capturedMessage, roundTrip, values } from '../../support/netlink.ts'

const u8 = fc.nat(0xff)
const u16 = fc.nat(0xffff)
const bytes = fc.uint8Array({ maxLength: 8 })
const ip = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(ipFromBytes)

t.test('every tuple comes back', async (t) => {
  const tuples = values(
    {},
    {
      addresses: values(
        {},
        { source4: ip(4), destination4: ip(4), source6: ip(16), destination6: ip(16) },
      ),
      protocol: values({}, { number: u8, sourcePort: u16, destinationPort: u16 }),
    },
  )
  fc.assert(
    fc.property(tuples, (tuple) => roundTrip(t, conntrackTuple, tuple)),
    { numRuns: 30 },
  )
})

t.test('every message comes back', async (t) => {
  const messages = values(
    { family: u8, version: u8, resource: u16 },
    { original: bytes, reply: bytes, id: bytes, zone: bytes },
  )
  fc.assert(
    fc.property(messages, (message) => roundTrip(t, conntrackMessage, message)),
    { numRuns: 30 },
  )
})

t.test('a connection as the kernel lists it', async (t) => {
  const { type, payload } = capturedMessage('conntrack-list')
  t.equal(type, CT_GET - 1, 'what is got is told as new')
  const { family, original, reply, id } = conntrackMessage.decode(payload)
  t.equal(family, 2)
  t.equal(id?.toHex(), '380a332a')
  const [first, second] = [original, reply].map((bytes = new Uint8Array()) => {
    const { addresses, protocol } = conntrackTuple.decode(bytes)
    const { source4, destination4 } = addresses ?? {}
    return {
      from: source4 && formatIp(source4),
      to: destination4 && formatIp(destination4),
      protocol,
    }
  })
  t.strictSame(first, {
    ...{ from: '192.0.2.2', to: '192.0.2.1' },
    protocol: { number: 17, sourcePort: 40000, destinationPort: 5353 },
  })
  t.strictSame(second, {
    ...{ from: '10.9.0.2', to: '192.0.2.2' },
    protocol: { number: 17, sourcePort: 53, destinationPort: 40000 },
  })
})

t.test('a filter, of which the kernel demands that it says it is nested', async (t) => {
  const message = conntrackMessage.encode({
    family: 2,
    original: conntrackTuple.encode({ protocol: { number: 17, destinationPort: 53 } }),
    filter: { originalFields: CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT },
  })
  t.equal(
    message.toHex(),
    '02000000' + // nfgenmsg
      '18000100' + // CTA_TUPLE_ORIG
      '14000200' + // CTA_TUPLE_PROTO
      '0500010011000000' + // CTA_PROTO_NUM 17
      '0600030000350000' + // CTA_PROTO_DST_PORT 53
      '0c001980' + // CTA_FILTER | NLA_F_NESTED
      '0800010028000000', // CTA_FILTER_ORIG_FLAGS
  )
  t.strictSame(conntrackMessage.decode(message).filter, { originalFields: 0x28 })
  t.equal(CT_DELETE, 0x102)
})
