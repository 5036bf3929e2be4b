/** What somebody changes on a node by hand is made right again, within a second. */
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { kernelSkip, type Namespace } from '../../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../../scripts/lab/run.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { bridge, FlannelCluster, type FlannelNode, ip } from '../../support/flannel-cluster.ts'
import { reaches } from '../../support/ip.ts'
import { macOf, overlayState } from '../../support/overlay-state.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip() || missingProgram('iptables')

/** A second is what it may take; on a machine that is busy with other tests, somewhat more. */
const maxMs = 3000

/** How things are broken, and what the agent says when it mends them. */
interface Damage {
  readonly what: string
  break(node: FlannelNode, peerMac: string): void
  readonly said: RegExp
}

const damages: readonly Damage[] = [
  {
    what: 'a route deleted',
    break: (node) => ip(node, 'route delete 10.244.2.0/24'),
    said: /route 10\.244\.2\.0\/24 is missing: adding it/,
  },
  {
    what: 'a route with another gateway',
    break: (node) => ip(node, 'route replace 10.244.2.0/24 via 10.244.9.9 dev flannel.1 onlink'),
    said: /route 10\.244\.2\.0\/24 is unicast via 10\.244\.9\.9 .*: setting it/,
  },
  {
    what: 'a route by another link',
    break: (node) => ip(node, 'route replace 10.244.2.0/24 via 192.168.9.254 dev eth0'),
    said: /route 10\.244\.2\.0\/24 is unicast via 192\.168\.9\.254 .*: setting it/,
  },
  {
    what: 'a route that drops packets',
    break: (node) => ip(node, 'route replace blackhole 10.244.2.0/24'),
    said: /route 10\.244\.2\.0\/24 is blackhole: setting it/,
  },
  {
    what: 'a foreign route on the device',
    break: (node) => ip(node, 'route add 10.244.77.0/24 via 10.244.77.0 dev flannel.1 onlink'),
    said: /route 10\.244\.77\.0\/24 .*: removing it/,
  },
  {
    what: 'a foreign route of another metric',
    break: (node) =>
      ip(node, 'route add 10.244.2.0/24 via 10.244.9.0 dev flannel.1 onlink metric 5'),
    said: /route 10\.244\.2\.0\/24 metric 5 .*: removing it/,
  },
  {
    what: 'a neighbour deleted',
    break: (node) => ip(node, 'neigh delete 10.244.2.0 dev flannel.1'),
    said: /neighbour 10\.244\.2\.0 dev flannel\.1 is missing: adding it/,
  },
  {
    what: 'a neighbour with another MAC',
    break: (node) =>
      ip(node, 'neigh replace 10.244.2.0 lladdr 0e:00:00:00:00:99 dev flannel.1 nud permanent'),
    said: /neighbour 10\.244\.2\.0 dev flannel\.1 is lladdr 0e:00:00:00:00:99: setting it/,
  },
  {
    what: 'a neighbour that may grow old',
    break: (node) =>
      ip(node, 'neigh replace 10.244.2.0 lladdr 0e:00:00:00:00:99 dev flannel.1 nud reachable'),
    said: /neighbour 10\.244\.2\.0 dev flannel\.1 is missing: adding it/,
  },
  {
    what: 'a foreign neighbour',
    break: (node) =>
      ip(node, 'neigh add 10.244.77.0 lladdr 0e:00:00:00:00:77 dev flannel.1 nud permanent'),
    said: /neighbour 10\.244\.77\.0 .*: removing it/,
  },
  {
    what: 'an FDB entry deleted',
    break: (node, mac) => bridge(node, `fdb delete ${mac} dev flannel.1 dst 192.168.9.2 self`),
    said: /fdb \S+ dev flannel\.1 is missing: adding it/,
  },
  {
    what: 'an FDB entry with another destination',
    break: (node, mac) =>
      bridge(node, `fdb replace ${mac} dev flannel.1 dst 192.168.9.77 self permanent`),
    said: /fdb \S+ dev flannel\.1 is dst 192\.168\.9\.77: setting it/,
  },
  {
    what: 'a foreign FDB entry',
    break: (node) =>
      bridge(node, 'fdb add 0e:00:00:00:00:77 dev flannel.1 dst 192.168.9.77 self permanent'),
    said: /fdb 0e:00:00:00:00:77 .*: removing it/,
  },
  {
    what: 'the address deleted',
    break: (node) => ip(node, 'address delete 10.244.1.0/32 dev flannel.1'),
    said: /address 10\.244\.1\.0\/32 dev flannel\.1 is missing: adding it/,
  },
  {
    what: 'a second address of the network',
    break: (node) => ip(node, 'address add 10.244.77.0/32 dev flannel.1'),
    said: /address 10\.244\.77\.0\/32 .*: removing it/,
  },
  {
    what: 'the device down',
    break: (node) => ip(node, 'link set flannel.1 down'),
    said: /link flannel\.1 is down: setting it up/,
  },
  {
    what: 'the device down and up',
    break: (node) => {
      ip(node, 'link set flannel.1 down')
      ip(node, 'link set flannel.1 up')
    },
    said: /route 10\.244\.2\.0\/24 is missing: adding it/,
  },
  {
    what: 'the device deleted',
    break: (node) => ip(node, 'link delete flannel.1'),
    said: /made flannel\.1/,
  },
  {
    what: 'another MTU',
    break: (node) => ip(node, 'link set flannel.1 mtu 1300'),
    said: /changing flannel\.1: its MTU is 1300, not 1450/,
  },
  {
    what: 'another MAC',
    break: (node) => ip(node, 'link set flannel.1 address 0e:00:00:00:00:98'),
    said: /changing flannel\.1: its MAC is 0e:00:00:00:00:98/,
  },
  {
    what: 'learning',
    break: (node) => ip(node, 'link set flannel.1 type vxlan learning'),
    said: /changing flannel\.1: learning is true/,
  },
  {
    what: 'everything flushed',
    break: (node) => {
      ip(node, 'route flush dev flannel.1')
      ip(node, 'address flush dev flannel.1')
      ip(node, 'neigh flush dev flannel.1 nud permanent')
    },
    said: /address 10\.244\.1\.0\/32 dev flannel\.1 is missing: adding it/,
  },
]

t.test('what is changed by hand', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t, { flags: ['--ip-masq', '--iptables-resync=1'] })
  const [one, two] = cluster.pair
  await eventually('the peers', () => cluster.nodes.every((node) => hasPeer(node)))
  const right = JSON.stringify(overlayState(one))

  for (const { what, break: damage, said } of damages) {
    await t.test(what, async (t) => {
      const from = one.agent.log.length
      damage(one, macOf(two))
      await within(t, () => JSON.stringify(overlayState(one)) === right)
      await one.agent.says(said, from)
      t.ok(await reaches(one, '10.244.2.0'), 'the other node is reached')
    })
  }

  const lists = ['-t nat -S', '-S']
  const rules = () => lists.map((list) => iptables(one, list)).join('\n')
  const before = rules()
  for (const command of [
    '-t nat -D FLANNEL-POSTRTG 2',
    '-t nat -F FLANNEL-POSTRTG',
    '-t nat -F POSTROUTING',
    '-D FLANNEL-FWD 1',
    '-F FORWARD',
  ]) {
    await t.test(`iptables ${command}`, async (t) => {
      const from = one.agent.log.length
      iptables(one, command)
      await within(t, () => rules() === before)
      await one.agent.says(/the (?:masquerade|forward) rules had been changed/, from)
    })
  }
  await setTimeout(1200)
  t.strictSame(one.agent.lines(/^E/), [], 'nothing has failed')
})

function hasPeer(node: Namespace): boolean {
  return overlayState(node)?.routes.length === 1
}

function iptables({ netns }: Namespace, words: string): string {
  return runSync(inside(netns, ['iptables', ...words.split(' ')]))
}

async function within(t: Test, isRight: () => boolean): Promise<void> {
  const started = performance.now()
  await eventually('it is right again', isRight).catch((error: unknown) => t.fail(String(error)))
  const took = Math.round(performance.now() - started)
  t.ok(took < maxMs, `it took ${took} ms, at most ${maxMs}`)
}
