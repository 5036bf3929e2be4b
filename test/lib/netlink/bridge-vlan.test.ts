import fc from 'fast-check'
import t from 'tap'
import { bridgeVlanMessage } from '../../../lib/netlink/bridge-vlan.ts'
import { capturedMessage, roundTrip, values } from '../../support/netlink.ts'

const header = { family: 7, type: 0, index: 4, flags: 0, change: 0 }
const vlan = values({ flags: fc.nat(0x1f), id: fc.nat(4094) })

t.test('every list of VLANs comes back', async (t) => {
  fc.assert(
    fc.property(fc.array(vlan, { maxLength: 5 }), fc.nat(0xff), (vlans, extMask) => {
      roundTrip(t, bridgeVlanMessage, { ...header, vlans, extMask })
    }),
    { numRuns: 20 },
  )
})

t.test('the VLANs in requests of iproute2', async (t) => {
  const vlansOf = (name: string) => bridgeVlanMessage.decode(capturedMessage(name).payload).vlans
  t.strictSame(vlansOf('bridge-vlan-add'), [{ flags: 0x6, id: 100 }])
  t.strictSame(vlansOf('bridge-vlan-add-range'), [
    { flags: 0x8, id: 100 },
    { flags: 0x10, id: 103 },
  ])
  t.strictSame(vlansOf('bridge-vlan-delete'), [{ flags: 0, id: 1 }])
})

t.test('all 4094 VLANs fit in one message', async (t) => {
  const vlans = Array.from({ length: 4094 }, (_, index) => ({ flags: 0, id: index + 1 }))
  const payload = bridgeVlanMessage.encode({ ...header, vlans })
  t.strictSame(bridgeVlanMessage.decode(payload).vlans, vlans)
})
