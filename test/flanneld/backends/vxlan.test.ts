import t from 'tap'
import type { Node, Underlay } from '../../../flanneld/backends/backend.ts'
import { backendOf } from '../../../flanneld/backends/index.ts'
import { describeEntry, type Entry } from '../../../flanneld/state/entry.ts'
import type { Lease } from '../../../lib/flannel/lease.ts'
import { cidr, ip } from '../../support/address.ts'
import { leaseOf, mac, siteOf } from '../../support/reconciled-node.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const vxlan = (options: Record<string, unknown> = {}) => backendOf({ type: 'vxlan', options })
const both = [4, 6] as const
const underlay = siteOf().underlay

const entries = (node: Node, lease: Lease, options?: Record<string, unknown>) => {
  const state = vxlan(options).peerState(node, lease)
  t.strictSame(state.problems, [])
  return state.entries.map(describeEntry)
}

const tunnel4 = [
  `fdb ${mac(2)} dev flannel.1 dst 192.0.2.2`,
  `neighbour 10.244.2.0 dev flannel.1 lladdr ${mac(2)}`,
  'route 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink',
]
const tunnel6 = [
  `fdb ${mac(0x62)} dev flannel-v6.1 dst 2001:db8::2`,
  `neighbour fd00:244:0:2:: dev flannel-v6.1 lladdr ${mac(0x62)}`,
  'route fd00:244:0:2::/64 via fd00:244:0:2:: dev flannel-v6.1 onlink',
]

t.test('what it takes to reach a peer', async (t) => {
  t.strictSame(entries(siteOf([4]), leaseOf(2)), tunnel4)
  t.strictSame(entries(siteOf([6]), leaseOf(2)), tunnel6)
  t.strictSame(entries(siteOf(both), leaseOf(2)), [...tunnel4, ...tunnel6])
  t.match(entries(siteOf([4]), leaseOf(2), { VNI: 7 }), [/ dev flannel\.7 /])
  const loud = leaseOf(2, { backendData: { VtepMAC: '0E:00:00:00:00:02' } })
  t.strictSame(entries(siteOf([4]), loud), tunnel4)
})

t.test('DirectRouting', async (t) => {
  const options = { DirectRouting: true }
  t.strictSame(entries(siteOf(both), leaseOf(2), options), [
    'route 10.244.2.0/24 via 192.0.2.2 dev eth0',
    'route fd00:244:0:2::/64 via 2001:db8::2 dev eth0',
  ])
  const far = leaseOf(2, { publicIp: ip('198.51.100.2') })
  t.strictSame(entries(siteOf(both), far, options), [
    tunnel4[0]?.replace('192.0.2.2', '198.51.100.2'),
    ...tunnel4.slice(1),
    'route fd00:244:0:2::/64 via 2001:db8::2 dev eth0',
  ])
  const told = { backendData: undefined, backendV6Data: null }
  t.equal(entries(siteOf(both), leaseOf(2, told), options).length, 2, 'no MAC is needed')
})

t.test('the node itself', async (t) => {
  const state = vxlan().nodeState(siteOf(both))
  t.strictSame(state.devices, [
    {
      ...{ family: 4, name: 'flannel.1', mac: mac(1), mtu: 1450, vni: 1, port: 0 },
      ...{ local: ip('192.0.2.1'), parent: 'eth0', learning: false, gbp: false },
    },
    {
      ...{ family: 6, name: 'flannel-v6.1', mac: mac(0x61), mtu: 1430, vni: 1, port: 0 },
      ...{ local: ip('2001:db8::1'), parent: 'eth0', learning: false, gbp: false },
    },
  ])
  t.strictSame(state.entries.map(describeEntry), [
    'address 10.244.1.0/32 dev flannel.1',
    'address fd00:244:0:1::/128 dev flannel-v6.1',
  ])
  t.equal(state.underlay, 'eth0')
  const options = { VNI: 5, Port: 4789, GBP: true, Learning: true }
  t.match(vxlan(options).devices(siteOf()), [
    { name: 'flannel.5', vni: 5, port: 4789, gbp: true, learning: true },
  ])
})

const site = (changes: Partial<Underlay>, families: readonly (4 | 6)[] = both): Node => {
  return { ...siteOf(families), underlay: { ...underlay, ...changes } }
}

t.test('MTUs', async (t) => {
  const mtus = (node: Node, options = {}) => [
    ...vxlan(options)
      .devices(node)
      .map(({ mtu }) => mtu),
    vxlan(options).podMtu(node),
  ]
  t.strictSame(mtus(siteOf([4])), [1450, 1450])
  t.strictSame(mtus(siteOf([6])), [1430, 1430])
  t.strictSame(mtus(siteOf(both)), [1450, 1430, 1430], 'a pod has one for both')
  t.strictSame(mtus(siteOf(both), { MTU: 1400 }), [1350, 1330, 1330])
  t.strictSame(mtus(siteOf(both), { MTU: 9000 }), [1450, 1430, 1430], 'more than there is')
  t.strictSame(mtus(site({ mtu: 9000 }), { MTU: 8000 }), [7950, 7930, 7930])
})

t.test('an MTU that is too small', async (t) => {
  const { message, details } = thrownDetailed(() => vxlan().devices(site({ mtu: 1300 })))
  t.equal(message, 'vxlan on eth0 leaves 1230 bytes for packets of IPv6, which needs 1280')
  t.match(details, /MTU of eth0.* 1350/)
  t.equal(vxlan().podMtu(site({ mtu: 1300 }, [4])), 1250)
  t.equal(vxlan().podMtu(site({ mtu: 1350 })), 1280)
  thrownDetailed(() => vxlan({ MTU: 117 }).devices(siteOf()))
  t.equal(vxlan({ MTU: 118 }).podMtu(siteOf()), 68)
})

t.test('an underlay without address', async (t) => {
  const without = site({ publicIps: { 4: ip('192.0.2.1') } })
  const { message, details } = thrownDetailed(() => vxlan().devices(without))
  t.equal(message, 'vxlan needs an IPv6 address of eth0, which has none')
  t.match(details, /--iface.*EnableIPv6/)
})

t.test('what the other nodes are told, and read', async (t) => {
  const backend = vxlan({ VNI: 3 })
  const macs = { 4: mac(1), 6: mac(0x61) }
  const attributes = backend.attributes(macs)
  t.strictSame(attributes, {
    backendType: 'vxlan',
    backendData: { VNI: 3, VtepMAC: mac(1) },
    backendV6Data: { VNI: 3, VtepMAC: mac(0x61) },
  })
  t.equal(JSON.stringify(attributes.backendData), `{"VNI":3,"VtepMAC":"${mac(1)}"}`)
  t.strictSame(backend.macs(attributes), macs)
  const four = backend.attributes({ 4: mac(1) })
  t.equal(four.backendV6Data, undefined)
  t.strictSame(backend.macs(four), { 4: mac(1) })
})

const malformed: [what: string, attributes: Partial<Lease['attributes']>, problem: RegExp][] = [
  ['no public address', { publicIp: undefined }, /PublicIP is missing; expected an IPv4 address/],
  [
    'no data',
    { backendData: undefined },
    /BackendData has no VtepMAC: undefined; expected such as/,
  ],
  ['null', { backendData: null }, /has no VtepMAC: null/],
  ['a list', { backendData: [] }, /has no VtepMAC: \[\]/],
  ['a number', { backendData: { VtepMAC: 5 } }, /has no VtepMAC: \{"VtepMAC":5\}/],
  ['no MAC', { backendData: { VtepMAC: 'x' } }, /has no VtepMAC/],
  ['a short MAC', { backendData: { VtepMAC: '0e:00:00:00:00' } }, /has no VtepMAC/],
  ['a long MAC', { backendData: { VtepMAC: '0e:00:00:00:00:00:00:01' } }, /has no VtepMAC/],
  ['the MAC of nobody', { backendData: { VtepMAC: '00:00:00:00:00:00' } }, /has no VtepMAC/],
  ['the MAC of many', { backendData: { VtepMAC: '01:00:5e:00:00:01' } }, /has no VtepMAC/],
]

for (const [what, attributes, problem] of malformed) {
  t.test(`a lease with ${what}: the other family is reached`, async (t) => {
    const state = vxlan().peerState(siteOf(both), leaseOf(2, attributes))
    t.strictSame(state.entries.map(describeEntry), tunnel6)
    t.equal(state.problems.length, 1)
    t.match(state.problems[0], /^10\.244\.2\.0\/24 cannot be reached: /)
    t.match(state.problems[0], problem)
  })
}

const harmful: [subnet: string, problem: RegExp][] = [
  [
    '10.244.1.0/24',
    /it overlaps this node’s own 10\.244\.1\.0\/24; one of the two leases is wrong/,
  ],
  ['10.244.0.0/16', /it overlaps this node’s own 10\.244\.1\.0\/24/],
  ['10.244.1.128/25', /it overlaps this node’s own 10\.244\.1\.0\/24/],
  ['192.0.0.0/16', /it holds 192\.0\.2\.1\/24 of eth0; delete the lease/],
  ['0.0.0.0/0', /it overlaps/],
]

for (const [subnet, problem] of harmful) {
  t.test(`a lease of ${subnet} takes nothing from anybody`, async (t) => {
    const lease = { ...leaseOf(2), subnets: [cidr(subnet), cidr('fd00:244:0:2::/64')] }
    const state = vxlan().peerState(siteOf(both), lease)
    t.strictSame(state.entries.map(describeEntry), tunnel6)
    t.match(state.problems.join(), problem)
  })
}

t.test('what is the agent’s to remove', async (t) => {
  const owns = (entry: Entry, options = {}) => vxlan(options).nodeState(siteOf(both)).owns(entry)
  const at = (dst: string, link: string, gateway?: string, protocol?: number): Entry => ({
    ...{ kind: 'route', type: 'unicast', dst: cidr(dst), link, onlink: false },
    ...(gateway !== undefined && { gateway: ip(gateway) }),
    ...(protocol !== undefined && { protocol }),
  })
  const address = (text: string, link: string): Entry => {
    return { kind: 'address', cidr: cidr(text), link }
  }
  t.equal(owns(at('10.1.0.0/16', 'flannel.1', undefined, 4)), true, 'any route of its device')
  t.equal(owns({ kind: 'fdb', mac: mac(9), dst: ip('192.0.2.9'), link: 'flannel.1' }), true)
  t.equal(owns({ kind: 'neighbour', mac: mac(9), ip: ip('10.1.2.3'), link: 'flannel.1' }), true)
  t.equal(owns({ kind: 'neighbour', mac: mac(9), ip: ip('10.1.2.3'), link: 'eth0' }), false)
  t.equal(owns(address('10.244.9.0/32', 'flannel.1')), true)
  t.equal(owns(address('192.0.2.99/32', 'flannel.1')), false, 'it is not of the network')
  t.equal(owns(address('10.244.9.0/32', 'cni0')), false)
  const direct = at('10.244.9.0/24', 'eth0', '192.0.2.9')
  t.equal(owns(direct), false)
  const options = { DirectRouting: true }
  t.equal(owns(direct, options), true)
  t.equal(owns(at('fd00:244:0:9::/64', 'eth0', '2001:db8::9'), options), true)
  for (const other of [
    at('10.244.9.0/24', 'eth1', '192.0.2.9'),
    at('10.244.9.0/24', 'eth0'),
    at('10.244.9.0/24', 'eth0', '192.0.2.9', 12),
    at('10.245.9.0/24', 'eth0', '192.0.2.9'),
    at('10.244.0.0/16', 'eth0', '192.0.2.9'),
    at('10.244.0.0/15', 'eth0', '192.0.2.9'),
  ]) {
    t.equal(owns(other, options), false, describeEntry(other))
  }
})
