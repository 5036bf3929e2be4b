import t from 'tap'
import { RTM_NEWADDR } from '../../../lib/netlink/address.ts'
import { RTM_NEWLINK } from '../../../lib/netlink/link.ts'
import { RTM_DELROUTE, RTM_NEWROUTE } from '../../../lib/netlink/route.ts'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { link } from '../../support/ip.ts'
import {
  device,
  deviceV6,
  mac,
  Machine,
  ReconciledNode,
  siteOf,
  vni,
} from '../../support/reconciled-node.ts'

const skip = kernelSkip() || vxlanSkip()

/** What a node has to reach another one by IPv4. */
const wayTo = (number: number, macNumber = number, publicIp = number) => [
  `10.244.${number}.0/24 via 10.244.${number}.0 dev ${device} onlink`,
  `fdb ${mac(macNumber)} dst 192.0.2.${publicIp} self permanent`,
  `neigh 10.244.${number}.0 lladdr ${mac(macNumber)} PERMANENT`,
]
const own = 'address 10.244.1.0/32'
const state = (...parts: (string | string[])[]) => [own, ...parts.flat()].sort()

t.test('the node itself, and then its peers', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine)
  t.equal(node.reconciler.isReady, false)
  await node.reconciler.settled()
  t.equal(node.reconciler.isReady, true)
  t.match(link(machine.namespace, device), { address: mac(1), mtu: 1450, operstate: 'UNKNOWN' })
  t.strictSame(machine.state(), [own])
  t.strictSame(node.told('repaired', 'failed', 'error', 'warn'), [])

  await node.set(2, 3)
  t.strictSame(machine.state(), state(wayTo(2), wayTo(3)))
  t.equal(node.reconciler.reachableCount, 2)
  await node.put(4)
  await node.remove(2)
  t.strictSame(machine.state(), state(wayTo(3), wayTo(4)))
  await node.put(3, { backendData: { VtepMAC: mac(0x33) } })
  await node.put(4, { publicIp: siteOf().underlay.publicIps[4], backendData: { VtepMAC: mac(4) } })
  t.strictSame(machine.state(), state(wayTo(3, 0x33), wayTo(4, 4, 1)))
  await node.set(5)
  t.strictSame(machine.state(), state(wayTo(5)))
  await node.quiet()
  t.strictSame(machine.state(), state(wayTo(5)))
  t.strictSame(node.told('repaired', 'failed', 'error', 'warn'), [], 'nothing was repaired')
})

t.test('both families', { skip }, async (t) => {
  const machine = new Machine(t)
  const node = new ReconciledNode(t, machine, { site: siteOf([4, 6]) })
  await node.set(2)
  t.strictSame(
    machine.state(),
    state(wayTo(2), 'address fd00:244:0:1::/128', [
      `fd00:244:0:2::/64 via fd00:244:0:2:: dev ${deviceV6} onlink`,
      `fdb ${mac(0x62)} dst 2001:db8::2 self permanent`,
      `neigh fd00:244:0:2:: lladdr ${mac(0x62)} PERMANENT`,
    ]),
  )
  t.equal(link(machine.namespace, deviceV6)?.mtu, 1430)
  machine.ip(`link set ${deviceV6} down`)
  await node.quiet()
  t.equal(machine.state().length, 8, 'the kernel has removed its address, too')
  t.strictSame(node.told('failed', 'error'), [])
})

/** What upstream's agent makes, with a peer that is gone since. */
function makeAsUpstream(machine: Machine): void {
  const to = `link add ${device} address ${mac(9)} mtu 1450 type vxlan id ${vni} local 192.0.2.1`
  machine.ip(`${to} dev eth0 nolearning dstport 8472`)
  machine.ip(`address add 10.244.1.0/32 dev ${device}`)
  machine.ip(`link set ${device} up`)
  for (const number of [2, 3]) {
    const first = `10.244.${number}.0`
    machine.ip(`neigh replace ${first} lladdr ${mac(number)} dev ${device} nud permanent`)
    machine.bridge(`fdb replace ${mac(number)} dev ${device} dst 192.0.2.${number} self permanent`)
    machine.ip(`route replace ${first}/24 via ${first} dev ${device} onlink`)
  }
}

t.test('what another agent has made is adopted', { skip }, async (t) => {
  const machine = new Machine(t)
  makeAsUpstream(machine)
  machine.ip(`address add 10.244.7.0/32 dev ${device}`)
  machine.ip(`address add 192.0.2.99/32 dev ${device}`)
  machine.ip('route add 10.244.8.0/24 dev eth0')
  const news = machine.subscribe(t)
  const node = new ReconciledNode(t, machine, { site: { ...siteOf(), macs: { 4: mac(9) } } })
  await node.reconciler.settled()
  t.strictSame(news.take().messages, [], 'nothing is removed before all peers are known')
  await node.set(2)
  t.strictSame(machine.state(), state(wayTo(2), 'address 192.0.2.99/32'))
  const types = news.take().messages.map(({ type }) => type)
  t.equal(types[0], RTM_DELROUTE, 'the route is the first to go')
  const additions = [RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE]
  t.strictSame(
    types.filter((type) => additions.includes(type)),
    [],
  )
  t.match(machine.ip('route'), '10.244.8.0/24')
  await node.quiet()
  t.strictSame(node.told('repaired', 'failed', 'error', 'warn'), [])
})
