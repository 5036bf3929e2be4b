import t from 'tap'
import type { Site } from '../../../flanneld/backends/backend.ts'
import { backendOf } from '../../../flanneld/backends/index.ts'
import { blackholeRoutes } from '../../../flanneld/blackhole.ts'
import { describeEntry } from '../../../flanneld/state/entry.ts'
import { cidr, ip } from '../../support/address.ts'
import { leaseOf, siteOf } from '../../support/reconciled-node.ts'
import { thrownDetailed } from '../../support/thrown.ts'

const both = [4, 6] as const

t.test('host-gw', async (t) => {
  const backend = backendOf({ type: 'host-gw', options: { Anything: 1 } })
  const site: Site = siteOf(both)
  t.strictSame(backend.devices(site), [])
  t.equal(backend.podMtu(site), 1500)
  t.strictSame(backend.attributes({}), {
    ...{ backendType: 'host-gw', backendData: undefined, backendV6Data: undefined },
  })
  t.strictSame(backend.macs(leaseOf(2).attributes), {})
  const { devices, entries, underlay } = backend.nodeState(siteOf(both))
  t.strictSame([devices, entries, underlay], [[], [], 'eth0'])

  const all = [
    'route 10.244.2.0/24 via 192.0.2.2 dev eth0',
    'route fd00:244:0:2::/64 via 2001:db8::2 dev eth0',
  ]
  const state = backend.peerState(siteOf(both), leaseOf(2))
  t.strictSame([state.entries.map(describeEntry), state.problems], [all, []])
  const far = backend.peerState(siteOf(both), leaseOf(2, { publicIp: ip('198.51.100.2') }))
  t.strictSame(far.entries.map(describeEntry), all.slice(1))
  t.strictSame(far.problems, [
    '10.244.2.0/24 cannot be reached: its node 198.51.100.2 is on no network of eth0; ' +
      'host-gw needs all nodes on one network: use vxlan, with DirectRouting for nodes that share one',
  ])
})

t.test('alloc', async (t) => {
  const backend = backendOf({ type: 'alloc', options: {} })
  t.strictSame(backend.attributes({}).backendType, '')
  t.equal(backend.podMtu(siteOf()), 1500)
  const { devices, entries, owns } = backend.nodeState(siteOf())
  t.strictSame([devices, entries], [[], []])
  const [route] = blackholeRoutes([cidr('10.244.1.0/24')])
  t.equal(route && owns(route), false)
  t.strictSame(backend.peerState(siteOf(), leaseOf(2)), { entries: [], problems: [] })
  t.strictSame([backend.devices(siteOf()), backend.macs(leaseOf(2).attributes)], [[], {}])
})

t.test('blackholes for subnets', async (t) => {
  t.strictSame(blackholeRoutes(siteOf(both).subnets).map(describeEntry), [
    'route 10.244.1.0/24 metric 100000 blackhole',
    'route fd00:244:0:1::/64 metric 100000 blackhole',
  ])
})

t.test('a backend that there is not', async (t) => {
  for (const type of ['udp', 'constructor', '', 'VXLAN']) {
    const { message, details } = thrownDetailed(() => backendOf({ type, options: {} }))
    t.equal(message, `there is no backend "${type}"`)
    t.match(details, /Backend\.Type .* vxlan, host-gw, alloc$/)
  }
})
