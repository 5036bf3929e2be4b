/** The address of the bridge, when the node has another subnet than before. */
import t from 'tap'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { foundState, makeNetwork, veths } from '../support/bridge-network.ts'
import { addresses, globalCidrs, link, ports, reaches } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, hostLocal } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

/** A network whose pods get these addresses, with their gateways. */
function networkOf(node: Node, ...ips: { address: string; gateway?: string }[]) {
  return makeNetwork(node, { isGateway: true, ipam: fakeIpam(node, { ips }) })
}

const v4 = { address: '10.1.2.5/24' }
const otherV4 = { address: '10.1.3.5/24' }
const v6 = { address: 'fd00::5/64' }
const widerV6 = { address: 'fd00::6/56', gateway: 'fd00::2' }
const otherV6 = { address: 'fd01::5/64' }

/** The pods' address before and after, and what the bridge has with forceAddress. */
const conflicts = [
  {
    title: 'another IPv4 subnet',
    before: v4,
    after: otherV4,
    has: '10.1.2.1/24',
    gets: '10.1.3.1/24',
  },
  {
    title: 'the same IPv4 subnet with another gateway',
    before: v4,
    after: { address: '10.1.2.6/24', gateway: '10.1.2.254' },
    has: '10.1.2.1/24',
    gets: '10.1.2.254/24',
  },
  {
    title: 'an overlapping IPv6 subnet',
    before: v6,
    after: widerV6,
    has: 'fd00::1/64',
    gets: 'fd00::2/56',
  },
]

for (const { title, before, after, has, gets } of conflicts) {
  t.test(`${title} while pods use the old one`, options, async (t) => {
    const node = makeNode(t)
    const [pod, other, late] = [node.pod(), node.pod(), node.pod()]
    const network = networkOf(node, before)
    await network.attach(pod)
    const twice = { ...before, address: before.address.replace('5', '9') }
    await networkOf(node, twice).attach(other)

    networkOf(node, after)
    fakeIpamCalls(node)
    const refused = await network.refused('ADD', late)
    t.strictSame(refused, {
      code: 999,
      msg: `failed to set bridge addr: "cni0" already has an IP address different from ${gets}`,
      details:
        `it has ${has}, and 2 of its ports are up: this node got a new subnet while pods of the ` +
        'old one still run. Drain the node or delete these pods, and the address is replaced by ' +
        'itself; or set "forceAddress": true, which cuts them off',
    })
    t.strictSame(globalCidrs(node, 'cni0'), [has], 'the address stays')
    t.strictSame([veths(node).length, link(late, 'eth0')], [2, undefined], 'nothing else is left')
    t.strictSame(fakeIpamCalls(node), ['ADD', 'DEL'])

    const { code, stderr } = await network.call('ADD', late, { forceAddress: true })
    t.equal(code, 0)
    t.match(
      stderr,
      `bridge: ADD ${late.containerId}/eth0: warning: ` +
        `replacing address ${has} of cni0 by ${gets}: forceAddress is set\n`,
    )
    t.strictSame(globalCidrs(node, 'cni0'), [gets])
    t.ok(await reaches(late, gets.replace(/\/.*/, '')))
  })
}

t.test('a disjoint IPv6 subnet is no conflict', options, async (t) => {
  for (const forceAddress of [false, true]) {
    const node = makeNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    await networkOf(node, v6).attach(pod, { forceAddress })
    await networkOf(node, otherV6).attach(other, { forceAddress })
    t.strictSame(globalCidrs(node, 'cni0').sort(), ['fd00::1/64', 'fd01::1/64'])
    t.ok(await reaches(pod, 'fd00::1'))
    t.ok(await reaches(other, 'fd01::1'))
  }
})

t.test('a stale address is replaced when no pod uses it', options, async (t) => {
  for (const { before, after, has, gets } of conflicts) {
    const node = makeNode(t)
    const [pod, late] = [node.pod(), node.pod()]
    const network = networkOf(node, before)
    await network.attach(pod)
    await network.silent('DEL', pod)
    t.strictSame(globalCidrs(node, 'cni0'), [has])

    networkOf(node, after)
    const { code, stderr } = await network.call('ADD', late)
    t.equal(code, 0)
    t.match(stderr, `warning: replacing address ${has} of cni0 by ${gets}: no pod uses it\n`)
    t.strictSame(globalCidrs(node, 'cni0'), [gets])
    t.ok(await reaches(late, gets.replace(/\/.*/, '')))
  }
})

t.test('a port that is down uses no address', options, async (t) => {
  const node = makeNode(t)
  const [pod, late] = [node.pod(), node.pod()]
  const network = networkOf(node, v4)
  await network.attach(pod)
  runSync(['ip', '-n', pod.name, 'link', 'set', 'eth0', 'down'])
  networkOf(node, otherV4)
  const { code, stderr } = await network.call('ADD', late)
  t.equal(code, 0)
  t.match(stderr, 'no pod uses it')
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.3.1/24'])
})

t.test('one pod is one pod', options, async (t) => {
  const node = makeNode(t)
  const network = networkOf(node, v4)
  await network.attach(node.pod())
  networkOf(node, otherV4)
  const { details } = await network.refused('ADD', node.pod())
  t.match(details, 'and 1 of its ports is up')
})

t.test('several addresses of one attachment are no conflict', options, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const network = networkOf(node, v4, otherV4, v6, otherV6)
  const wanted = ['10.1.2.1/24', '10.1.3.1/24', 'fd00::1/64', 'fd01::1/64']
  await network.attach(pod)
  t.strictSame(globalCidrs(node, 'cni0').sort(), wanted)
  for (const address of ['10.1.2.1', '10.1.3.1', 'fd00::1', 'fd01::1']) {
    t.ok(await reaches(pod, address), address)
  }
  networkOf(node, { address: '10.1.2.6/24' }, { address: '10.1.3.6/24' })
  await network.attach(other)
  t.strictSame(globalCidrs(node, 'cni0').sort(), wanted)
})

t.test('an address that a person gave the bridge', options, async (t) => {
  const node = makeNode(t)
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'add', 'cni0', 'type', 'bridge')
  ip('address', 'add', '10.1.2.1/24', 'dev', 'cni0')
  const network = networkOf(node, v4)
  await network.attach(node.pod())
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'], 'is taken when it is the wanted one')
})

/** Ports that somebody else's bridge has, as arguments of `ip link add`. */
const foreignPorts: Readonly<Record<string, readonly string[]>> = {
  'no port': [],
  'a VXLAN device': ['type', 'vxlan', 'id', '7', 'local', '127.0.0.1', 'dstport', '4789'],
  'a veth': ['type', 'veth', 'peer', 'other'],
}

/** Makes a bridge as an operator does, with a port of this kind that is up. */
function makeForeignBridge(node: Node, bridge: string, cidr: string, port: readonly string[]) {
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'add', bridge, 'type', 'bridge')
  ip('link', 'set', bridge, 'up')
  ip('address', 'add', cidr, 'dev', bridge)
  if (port.length > 0) {
    ip('link', 'add', 'port', ...port)
    ip('link', 'set', 'port', 'master', bridge, 'up')
  }
}

for (const [title, port] of Object.entries(foreignPorts)) {
  t.test(`an address of a bridge of somebody else, with ${title}`, options, async (t) => {
    for (const bridge of ['br0', 'cni0']) {
      for (const [has, after] of [
        ['192.168.50.1/24', otherV4],
        ['192.168.50.9/24', otherV4],
        ['fd00::1/64', widerV6],
      ] as const) {
        const node = makeNode(t)
        makeForeignBridge(node, bridge, has, port)
        const before = [globalCidrs(node, bridge), ports(node, bridge).length]
        const linkBefore = foundState(node, bridge)
        const network = networkOf(node, after)
        for (const pod of [node.pod(), node.pod()]) {
          const error = await network.refused('ADD', pod, { bridge })
          t.match(error, {
            code: 999,
            msg: `failed to set bridge addr: "${bridge}" already has an IP address different from `,
            details: `it has ${has}, which this plugin did not set`,
          })
        }
        t.strictSame([globalCidrs(node, bridge), ports(node, bridge).length], before)
        t.strictSame(foundState(node, bridge), linkBefore, 'the bridge is as it was')

        await network.call('ADD', node.pod(), { bridge, forceAddress: true })
        t.notOk(globalCidrs(node, bridge).includes(has), 'unless it is forced')
      }
    }
  })
}

t.test('a bridge of ours whose port is no pod is in use', options, async (t) => {
  for (const [title, port] of Object.entries(foreignPorts).filter(([, { length }]) => length > 0)) {
    const node = makeNode(t)
    const pod = node.pod()
    const network = networkOf(node, v4)
    await network.attach(pod)
    await network.silent('DEL', pod)
    const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
    ip('link', 'add', 'port', ...port)
    ip('link', 'set', 'port', 'master', 'cni0', 'up')
    if (title === 'a veth') ip('link', 'set', 'other', 'up')
    networkOf(node, otherV4)
    t.match(await network.refused('ADD', pod), { details: 'and 1 of its ports is up' }, title)
    t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'])
    ip('link', 'delete', 'port')
    await network.call('ADD', pod)
    t.strictSame(globalCidrs(node, 'cni0'), ['10.1.3.1/24'])
  }
})

t.test('addresses that an operator adds to a bridge of ours are kept', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = networkOf(node, v4, v6)
  await network.attach(pod)
  const own = ['192.168.7.1/24', '10.1.2.7/24', '10.1.2.8/24', 'fd07::1/64']
  for (const cidr of own) {
    runSync(['ip', '-n', node.name, 'address', 'add', cidr, 'dev', 'cni0'])
  }
  await network.silent('DEL', pod)
  for (const [after, has] of [
    [otherV4, '10.1.3.1/24'],
    [{ address: '10.1.2.5/24', gateway: '10.1.2.254' }, '10.1.2.254/24'],
  ] as const) {
    networkOf(node, after)
    const { code, stderr } = await network.call('ADD', pod)
    t.equal(code, has === '10.1.3.1/24' ? 0 : 1, stderr)
    await network.call('DEL', pod)
    t.strictSame(globalCidrs(node, 'cni0').sort(), [...own, '10.1.3.1/24', 'fd00::1/64'].sort())
  }
  t.match(await network.refused('ADD', pod), {
    details: 'it has 10.1.2.7/24, 10.1.2.8/24, which this plugin did not set',
  })
})

t.test('an address comes back when the ADD that replaced it fails', options, async (t) => {
  for (const forceAddress of [false, true]) {
    const node = makeNode(t)
    const [pod, late] = [node.pod(), node.pod()]
    const network = networkOf(node, v4)
    await network.attach(pod)
    runSync(['ip', '-n', node.name, 'address', 'add', '10.1.2.7/24', 'dev', 'cni0'])
    if (!forceAddress) await network.silent('DEL', pod)
    const state = () => [addresses(node, 'cni0'), link(node, 'cni0')?.ifalias]
    const before = state()
    const routes = [{ dst: '10.7.0.0/16', gw: '192.0.2.1' }]
    const ipam = fakeIpam(node, { ips: [otherV4], routes })
    const { code, stderr } = await network.call('ADD', late, { ipam, forceAddress })
    t.equal(code, 1)
    t.match(stderr, 'replacing address 10.1.2.1/24 of cni0 by 10.1.3.1/24')
    t.strictSame(state(), before)
    if (forceAddress) t.ok(await reaches(pod, '10.1.2.1'), 'and the pods that have it work')
  }
})

t.test('many ADDs at once behind a change of the subnet', options, async (t) => {
  const node = makeNode(t)
  const first = node.pod()
  const network = makeNetwork(node, { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24') })
  await network.attach(first)
  await network.silent('DEL', first)
  const ipam = hostLocal(node, '10.1.3.0/24')
  const pods = Array.from({ length: 6 }, () => node.pod())
  const replies = await Promise.all(pods.map((pod) => network.call('ADD', pod, { ipam })))
  t.strictSame(
    replies.map(({ code, json }) => [code, json.details]),
    pods.map(() => [0, undefined]),
  )
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.3.1/24'])
  for (const pod of pods) t.ok(await reaches(pod, '10.1.3.1'))
})
