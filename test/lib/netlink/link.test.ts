import fc from 'fast-check'
import t from 'tap'
import { ipFromBytes } from '../../../lib/ip/ip.ts'
import { macFromBytes } from '../../../lib/ip/mac.ts'
import { linkMessage } from '../../../lib/netlink/link.ts'
import { capturedMessage, roundTrip, values } from '../../support/netlink.ts'

const u32 = fc.nat(0xffffffff)
const name = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 15 })
const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(macFromBytes)
const header = {
  family: fc.nat(0xff),
  type: fc.nat(0xffff),
  index: fc.nat(0x7fffffff),
  flags: u32,
  change: u32,
}
const common = { mtu: u32, mac, master: u32, netnsFd: u32, name }
const bridge = values({}, { vlanFiltering: fc.boolean() })
const veth = values({ peer: values(header, common) })
const bridgePort = values({}, { state: fc.nat(4), hairpin: fc.boolean(), isolated: fc.boolean() })
const address = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map(ipFromBytes)
const vxlan = values(
  {},
  {
    ...{ vni: fc.nat(0xffffff), parent: u32, localIpv4: address(4), learning: fc.boolean() },
    ...{ port: fc.nat(0xffff), localIpv6: address(16), gbp: fc.constant(true as const) },
  },
)
const info = fc.oneof(
  values({ kind: fc.constant('vxlan'), vxlan }),
  values({ kind: fc.constant('vlan') }),
  values({ kind: fc.constant('bridge'), bridge }),
  values({ kind: fc.constant('veth'), veth }),
  values({ portKind: fc.constant('bridge'), bridgePort }),
)
const links = values(header, {
  ...common,
  parent: fc.integer(),
  operState: fc.nat(6),
  info,
  alias: name,
  extMask: u32,
  promiscuity: u32,
  parentNetnsId: fc.integer({ min: -1, max: 1000 }),
})

t.test('every link comes back', async (t) => {
  fc.assert(
    fc.property(links, (link) => roundTrip(t, linkMessage, link)),
    { numRuns: 30 },
  )
})

t.test('a veth that is a port of a bridge, as the kernel shows it', async (t) => {
  t.strictSame(linkMessage.decode(capturedMessage('link-show-veth').payload), {
    family: 0,
    type: 1,
    index: 4,
    flags: 0x1003,
    change: 0,
    name: 'veth01020304',
    operState: 2,
    mtu: 1450,
    promiscuity: 1,
    master: 3,
    mac: '96:d1:da:59:68:2e',
    info: {
      kind: 'veth',
      portKind: 'bridge',
      bridgePort: { state: 0, hairpin: true, isolated: true },
    },
    parentNetnsId: 0,
    parent: 2,
  })
})

t.test('a bridge, as the kernel shows it', async (t) => {
  t.match(linkMessage.decode(capturedMessage('link-show-bridge').payload), {
    index: 3,
    name: 'cni0',
    mtu: 1450,
    mac: '0a:58:0a:f4:01:01',
    alias: 'flannel',
    info: { kind: 'bridge', bridge: { vlanFiltering: false } },
  })
})

t.test('a veth request of iproute2, down to the peer', async (t) => {
  const { payload } = capturedMessage('link-add-veth')
  const message = linkMessage.decode(payload)
  t.match(message, {
    flags: 1,
    change: 1,
    name: 'veth01020304',
    mtu: 1450,
    master: 3,
    info: {
      kind: 'veth',
      veth: { peer: { name: 'eth0', mtu: 1450, mac: '0a:58:0a:f4:01:05', netnsFd: 4, flags: 0 } },
    },
  })
  t.equal(linkMessage.encode(message).toHex(), payload.toHex())
})

t.test('the data of a kind that we do not know is left alone', async (t) => {
  const payload = linkMessage.encode({ info: { kind: 'vlan', bridge: { vlanFiltering: true } } })
  t.strictSame(linkMessage.decode(payload).info, { kind: 'vlan' })
})
