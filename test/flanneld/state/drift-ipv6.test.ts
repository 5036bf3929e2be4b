import t from 'tap'
import { backendOf } from '../../../flanneld/backends/index.ts'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import {
  deviceV6,
  leaseOf,
  mac,
  Machine,
  ReconciledNode,
  siteOf,
  vni,
} from '../../support/reconciled-node.ts'

const skip = kernelSkip() || vxlanSkip()
t.jobs = 2

const v6 = `fd00:244:0:2::/64`
const driftsV6: [what: string, words: string][] = [
  ['a route is removed', `ip -6 route del ${v6}`],
  ['a route leads elsewhere', `ip -6 route replace ${v6} via 2001:db8::9`],
  ['a route leads nowhere', `ip -6 route replace unreachable ${v6}`],
  ['a route has a second way', `ip -6 route append ${v6} via 2001:db8::9`],
  ['a route of several ways is in no lease', `ip -6 route add fd00:244:0:77::/64 ${ways()}`],
  ['routes are flushed', `ip -6 route flush dev ${deviceV6}`],
  ['a neighbour is removed', `ip neigh del fd00:244:0:2:: dev ${deviceV6}`],
  ['an FDB entry is removed', `bridge fdb del ${mac(0x62)} dev ${deviceV6}`],
  ['the address is removed', `ip address del fd00:244:0:1::/128 dev ${deviceV6}`],
  ['the link is down', `ip link set ${deviceV6} down`],
]

/** Two next hops on the device. */
function ways(): string {
  const hops = ['fd00:244:0:77::', 'fd00:244:0:78::']
  return hops.map((hop) => `nexthop via ${hop} dev ${deviceV6} onlink`).join(' ')
}

t.test('whatever is changed of IPv6', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine, { site: siteOf([4, 6]) })
  await node.set(2, 3)
  const before = machine.state()
  t.match(before.join(), v6)
  for (const [what, words] of driftsV6) {
    await node.quiet()
    node.told()
    machine.run(...words.split(' '))
    t.strictNotSame(machine.state(), before, `${what} before`)
    await node.quiet()
    t.strictSame(machine.state(), before, what)
    const told = node.told('repaired', 'error', 'failed', 'warn')
    t.ok(told.length > 0, `${what}: ${told.join()}`)
    t.notMatch(told.join(), /error|failed|warn/, what)
  }
})

t.test('a peer is reached without a tunnel, and with one again', { skip }, async (t) => {
  const machine = new Machine(t)
  const site = siteOf([4, 6])
  const node = new ReconciledNode(t, machine, { site })
  await node.set(2, 3)
  const before = machine.state()
  const direct = backendOf({ type: 'vxlan', options: { VNI: vni, DirectRouting: true } })
  node.reconciler.putPeer('2', direct.peerState(site, leaseOf(2)).entries)
  await node.reconciler.settled()
  t.match(machine.state().join(), `${v6} via 2001:db8::2 dev eth0`)
  t.notMatch(machine.state().join(), mac(0x62))
  await node.put(2)
  t.strictSame(machine.state(), before)
  t.strictSame(node.told('error', 'failed', 'repaired'), [])
})
