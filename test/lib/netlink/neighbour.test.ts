import fc from 'fast-check'
import t from 'tap'
import { ipFromBytes } from '../../../lib/ip/ip.ts'
import { macFromBytes } from '../../../lib/ip/mac.ts'
import { neighbourMessage } from '../../../lib/netlink/neighbour.ts'
import { roundTrip, values } from '../../support/netlink.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const neighbours = values(
  {
    family: fc.nat(0xff),
    index: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    state: fc.nat(0xffff),
    flags: fc.nat(0xff),
    type: fc.nat(0xff),
  },
  {
    dst: fc.oneof(bytes(4), bytes(16)).map(ipFromBytes),
    mac: bytes(6).map(macFromBytes),
    vlan: fc.nat(0xffff),
    ofIndex: fc.nat(0xffffffff),
    master: fc.nat(0xffffffff),
  },
)

t.test('every neighbour comes back', async (t) => {
  const property = fc.property(neighbours, (each) => roundTrip(t, neighbourMessage, each))
  fc.assert(property, { numRuns: 30 })
})
