import t from 'tap'
import {
  compareDevice,
  type Device,
  type Ground,
  isCompatible,
} from '../../../flanneld/state/device.ts'
import type { Link, Vxlan } from '../../../lib/net/link.ts'
import { ip } from '../../support/address.ts'

const parent = 3
const ground: Ground = { parentIndex: parent, defaultPort: 8472 }
const device: Device = {
  ...{ name: 'flannel.1', mac: '0e:00:00:00:00:01', mtu: 1450, vni: 1, port: 0 },
  ...{ local: ip('192.0.2.1'), parent: 'eth0', learning: false, gbp: false },
}
const vxlan: Vxlan = {
  ...{ vni: 1, parent, port: 8472, local: ip('192.0.2.1') },
  ...{ learning: false, gbp: false },
}
const link: Link = {
  ...{ index: 7, name: 'flannel.1', mac: '0e:00:00:00:00:01', mtu: 1450, up: true, carrier: true },
  ...{ promiscuous: false, promiscuity: 0, operState: 'unknown', kind: 'vxlan', vxlan },
}

const replaced: [change: object, because: string, wanted?: Partial<Device>][] = [
  [{ kind: undefined, vxlan: undefined }, 'it is a device of hardware'],
  [{ kind: 'dummy', vxlan: undefined }, 'it is a dummy'],
  [{ vxlan: { ...vxlan, vni: 2 } }, 'its VNI is 2, not 1'],
  [{ vxlan: { ...vxlan, parent: 4 } }, 'it is not on eth0'],
  [{ vxlan: { ...vxlan, parent: undefined } }, 'it is not on eth0'],
  [{ vxlan: { ...vxlan, port: 4789 } }, 'its port is 4789, not 8472', { port: 8472 }],
  [
    { vxlan: { ...vxlan, local: ip('192.0.2.9') } },
    'its local address is 192.0.2.9, not 192.0.2.1',
  ],
  [{ vxlan: { ...vxlan, local: undefined } }, 'its local address is not fixed, not 192.0.2.1'],
  [{ vxlan: { ...vxlan, gbp: true } }, 'its GBP is true, not false'],
]

for (const [change, because, wanted] of replaced) {
  t.test(`made anew when ${because}`, async (t) => {
    const found: Link = { ...link, ...change }
    const asked = { ...device, ...wanted }
    t.strictSame(compareDevice(asked, found, ground), { do: 'replace', because })
    t.equal(isCompatible(asked, found, ground), false)
  })
}

const changed: [change: object, set: object, because: string][] = [
  [{ mtu: 1400 }, { mtu: 1450 }, 'its MTU is 1400, not 1450'],
  [{ mac: '' }, { mac: device.mac }, `its MAC is , not ${device.mac}`],
  [{ vxlan: { ...vxlan, learning: true } }, { learning: false }, 'learning is true'],
]

for (const [change, set, because] of changed) {
  t.test(`changed when ${because}`, async (t) => {
    const found: Link = { ...link, ...change }
    t.strictSame(compareDevice(device, found, ground), { do: 'set', ...set, because })
    t.equal(isCompatible(device, found, ground), true)
  })
}

t.test('left alone', async (t) => {
  for (const change of [{}, { up: false }, { alias: 'x' }]) {
    t.strictSame(compareDevice(device, { ...link, ...change }, ground), { do: 'nothing' })
  }
  const elsewhere = { ...link, vxlan: { ...vxlan, port: 4789 } }
  const because = 'its port is 4789, not 8472'
  t.strictSame(compareDevice({ ...device, port: 0 }, elsewhere, ground), { do: 'replace', because })
})
