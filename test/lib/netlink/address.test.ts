import fc from 'fast-check'
import t from 'tap'
import { formatIp, ipFromBytes } from '../../../lib/ip/ip.ts'
import { addressMessage } from '../../../lib/netlink/address.ts'
import { capturedMessage, roundTrip, values } from '../../support/netlink.ts'

const ip = fc
  .oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  )
  .map(ipFromBytes)
const addresses = values(
  {
    family: fc.nat(0xff),
    prefix: fc.nat(128),
    flags: fc.nat(0xff),
    scope: fc.nat(0xff),
    index: fc.nat(0xffffffff),
  },
  { local: ip, broadcast: ip, address: ip, allFlags: fc.nat(0xffffffff) },
)

t.test('every address comes back', async (t) => {
  fc.assert(
    fc.property(addresses, (address) => roundTrip(t, addressMessage, address)),
    {
      numRuns: 30,
    },
  )
})

t.test('an IPv4 address, as the kernel shows it', async (t) => {
  const message = addressMessage.decode(capturedMessage('address-show').payload)
  t.match(message, { family: 2, prefix: 24, index: 5, scope: 0, allFlags: 0x80 })
  t.equal(message.local && formatIp(message.local), '10.244.1.1')
  t.equal(message.broadcast && formatIp(message.broadcast), '10.244.1.255')
})

t.test('an IPv6 address without duplicate address detection', async (t) => {
  const message = addressMessage.decode(capturedMessage('address-show-nodad').payload)
  t.match(message, { family: 10, prefix: 64, flags: 0x82, allFlags: 0x82 })
  t.equal(message.address && formatIp(message.address), 'fd00:10:244:1::1')
  t.equal(message.local, undefined)
})
