import t from 'tap'
import { kernelSkip, type Scope } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { link } from '../../support/ip.ts'
import { device, mac, Machine, ReconciledNode } from '../../support/reconciled-node.ts'

const skip = kernelSkip() || vxlanSkip()

const drifts: [what: string, words: string, ...repaired: string[]][] = [
  ['a route is removed', 'ip route del 10.244.2.0/24', 'route'],
  ['a route leads elsewhere', 'ip route replace 10.244.2.0/24 via 192.0.2.9', 'route'],
  ['a route leads nowhere', 'ip route replace unreachable 10.244.2.0/24', 'route'],
  ['a route is not onlink', `ip route replace 10.244.2.0/24 dev ${device}`, 'route'],
  [
    'a route has a second way',
    `ip route replace 10.244.2.0/24 nexthop via 10.244.2.0 dev ${device} onlink nexthop via 192.0.2.9`,
    'route',
  ],
  ['another route comes first', 'ip route prepend 10.244.2.0/24 via 192.0.2.9', 'route'],
  ['routes are flushed', `ip route flush dev ${device}`, 'route', 'route'],
  [
    'a route that is in no lease',
    `ip route add 10.244.77.0/24 via 10.244.77.0 dev ${device} onlink`,
    'route',
  ],
  ['a route of a link that is in no lease', `ip route add 10.244.77.0/24 dev ${device}`, 'route'],
  [
    'a route of a program that is in no lease',
    `ip route add 10.244.77.0/24 dev ${device} proto static`,
    'route',
  ],
  ['a neighbour is removed', `ip neigh del 10.244.2.0 dev ${device}`, 'neighbour'],
  [
    'a neighbour has another MAC',
    `ip neigh replace 10.244.2.0 lladdr 0e:00:00:00:00:ff dev ${device} nud permanent`,
    'neighbour',
  ],
  [
    'a neighbour grows old',
    `ip neigh replace 10.244.2.0 lladdr ${mac(2)} dev ${device} nud reachable`,
    'neighbour',
  ],
  [
    'neighbours are flushed',
    `ip neigh flush dev ${device} nud permanent`,
    'neighbour',
    'neighbour',
  ],
  ['an FDB entry is removed', `bridge fdb del ${mac(2)} dev ${device}`, 'fdb'],
  [
    'an FDB entry leads elsewhere',
    `bridge fdb replace ${mac(2)} dev ${device} dst 192.0.2.9 self permanent`,
    'fdb',
  ],
  [
    'all addresses are removed',
    `ip address flush dev ${device}`,
    'address',
    'route',
    'route',
    'neighbour',
    'neighbour',
  ],
  ['the FDB is flushed', `bridge fdb flush dev ${device}`, 'fdb', 'fdb'],
  [
    'the address is removed',
    `ip address del 10.244.1.0/32 dev ${device}`,
    'address',
    'route',
    'route',
    'neighbour',
    'neighbour',
  ],
  ['an address of the network', `ip address add 10.244.9.1/32 dev ${device}`, 'address'],
  ['the link is down', `ip link set ${device} down`, 'link'],
  ['the link has another MTU', `ip link set ${device} mtu 1300`, 'link'],
  ['the link has another MAC', `ip link set ${device} address 0e:00:00:00:00:ff`, 'link'],
  ['the link learns', `ip link set ${device} type vxlan learning`, 'link'],
  ['the link is removed', `ip link del ${device}`, 'link'],
]

/** So many nodes are changed at a time, each by its part of the table. */
const nodeCount = 4
t.jobs = nodeCount

/** What the device has that does not change when it is made anew. */
function deviceOf({ namespace }: Machine) {
  const { flags, mtu, address, linkinfo } = link(namespace, device) ?? {}
  return { isUp: flags?.includes('UP'), mtu, address, linkinfo }
}

for (let part = 0; part < nodeCount; part++) {
  t.test(`whatever is changed is as it was soon, ${part}`, { skip }, async (t) => {
    const { machine, node } = await makeNode(t)
    const before = machine.state()
    const deviceBefore = deviceOf(machine)
    for (const [what, words, ...repaired] of drifts.filter((_, i) => i % nodeCount === part)) {
      await node.quiet()
      node.told()
      machine.run(...words.split(' '))
      await node.quiet()
      t.strictSame(machine.state(), before, what)
      t.strictSame(deviceOf(machine), deviceBefore, what)
      const told = node.told('repaired', 'error', 'failed', 'warn')
      const kinds = new Set(told.map((line) => line.replace('repaired: ', '')))
      for (const kind of repaired) t.ok(kinds.has(kind), `${what}: ${told.join()}`)
      if (!repaired.includes('link'))
        t.equal(told.length, repaired.length, `${what}: ${told.join()}`)
      t.notMatch(told.join(), /error|failed|warn/, what)
    }
  })
}

async function makeNode(scope: Scope) {
  const machine = new Machine(scope)
  const node = new ReconciledNode(scope, machine)
  await node.set(2, 3)
  return { machine, node }
}
