/** CHECK of the bridge plugin: silent on what ADD has made, and on nothing else. */
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { link } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, hostLocal } from '../support/ipam.ts'
import type { Network } from '../support/network.ts'
import type { Output } from '../support/plugin-call.ts'

const options = { skip: kernelSkip() }

const families = { v4: ['10.1.2.0/24'], v6: ['fd00::/64'], dual: ['10.1.2.0/24', 'fd00::/64'] }

t.test('ADD, CHECK, DEL in every version and family', options, async (t) => {
  const node = makeNode(t)
  for (const cniVersion of ['0.4.0', '1.0.0', '1.1.0']) {
    for (const [family, subnets] of Object.entries(families)) {
      const pod = node.pod()
      const ipam = { ...hostLocal(node, ...subnets), routes: [{ dst: '10.96.0.0/12' }] }
      const conf = family === 'v6' ? hostLocal(node, ...subnets) : ipam
      const network = makeNetwork(node, { cniVersion, isDefaultGateway: true, ipam: conf })
      const prevResult = await network.attach(pod)
      await network.silent('CHECK', pod, { prevResult })
      await network.silent('DEL', pod, { prevResult })
      t.equal(link(pod, 'eth0'), undefined)
    }
  }
})

t.test('every setting at once', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const routes = [
    { dst: '10.7.0.0/16', gw: '10.1.2.9', priority: 7 },
    { dst: '10.8.0.0/16', table: 5000 },
    { dst: 'fd01::/64', table: 5000 },
  ]
  const ips = [{ address: '10.1.2.5/24' }, { address: 'fd00::5/64' }]
  const network = makeNetwork(node, {
    ...{ isDefaultGateway: true, mtu: 1400, hairpinMode: true, portIsolation: true },
    ...{ enabledad: true, runtimeConfig: { mac: '0a:00:00:00:00:01' } },
    ipam: fakeIpam(node, { ips, routes }),
  })
  const prevResult = await network.attach(pod)
  await network.silent('CHECK', pod, { prevResult })
  t.strictSame(fakeIpamCalls(node), ['ADD', 'CHECK'], 'the IPAM plugin is asked too')
})

t.test('a layer-2 network', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node, { promiscMode: true })
  const prevResult = await network.attach(pod)
  await network.silent('CHECK', pod, { prevResult })
  runSync(['ip', '-n', node.name, 'link', 'set', 'cni0', 'promisc', 'off'])
  t.match(await network.refused('CHECK', pod, { prevResult }), {
    msg: "Bridge interface cni0 configured Promisc Mode true doesn't match current state: false ",
  })
})

t.test('what others did is no difference', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node, {
    isDefaultGateway: true,
    ipam: hostLocal(node, '10.1.2.0/24'),
  })
  const { interfaces = [], ips = [], ...result } = await network.attach(pod)
  // the peer of a chained plugin, in the sandbox and before the host's end of ours
  const chained = { name: 'tun0', sandbox: pod.netns }
  const elsewhere = { name: 'eth9', sandbox: '/run/netns/another' }
  const prevResult = {
    ...result,
    interfaces: [interfaces[0], chained, { name: 'dummy0' }, ...interfaces.slice(1), elsewhere],
    ips: [
      ...ips.map((each) => ({ ...each, interface: 4 })),
      { address: '192.0.2.5/24', gateway: '192.0.2.1', interface: 1 },
    ],
  }
  await network.silent('CHECK', pod, { prevResult })
  runSync(['ip', '-n', node.name, 'link', 'set', 'cni0', 'promisc', 'on'])
  runSync(['ip', '-n', pod.name, 'address', 'add', '192.0.2.9/24', 'dev', 'eth0'])
  runSync(['ip', '-n', pod.name, 'route', 'add', '198.51.100.0/24', 'via', '10.1.2.9'])
  await network.silent('CHECK', pod, { prevResult })
})

/** What is done to an attachment, and the message that tells of it. */
const differences: [
  title: string,
  change: (at: { node: Node; pod: Pod; port: string }) => string[],
  msg: string | RegExp,
][] = [
  ['the bridge is missing', ({ node }) => on(node, 'delete cni0'), 'Interface name cni0 not found'],
  ['the bridge is down', ({ node }) => on(node, 'set cni0 down'), 'Bridge interface cni0 is down'],
  [
    'the bridge has another MAC',
    ({ node }) => on(node, 'set cni0 address 0a:00:00:00:00:09'),
    /^Bridge interface cni0 Mac doesn't match: [0-9a-f:]{17}$/,
  ],
  [
    'the bridge has lost its address',
    ({ node }) => ip(node, 'address', 'delete 10.1.2.1/24 dev cni0'),
    'Gateway 10.1.2.1 is not an address of cni0',
  ],
  [
    'the interface is missing',
    ({ pod }) => on(pod, 'delete eth0'),
    'Interface name eth0 not found',
  ],
  [
    'the interface is down',
    ({ pod }) => on(pod, 'set eth0 down'),
    'Interface eth0 is down, which it should not be',
  ],
  [
    'the interface has another MAC',
    ({ pod }) => on(pod, 'set eth0 address 0a:00:00:00:00:09'),
    /^Interface eth0 Mac [0-9a-f:]{17} doesn't match container Mac: 0a:00:00:00:00:09$/,
  ],
  [
    'the interface has another MTU',
    ({ pod }) => on(pod, 'set eth0 mtu 1300'),
    'Interface eth0 has MTU 1300, configured is 1400',
  ],
  [
    'the port has another MTU',
    ({ node, port }) => on(node, `set ${port} mtu 1300`),
    /^Interface veth[0-9a-f]{8} has MTU 1300, configured is 1400$/,
  ],
  [
    'the port is down',
    ({ node, port }) => on(node, `set ${port} down`),
    /^Interface veth[0-9a-f]{8} is down, which it should not be$/,
  ],
  [
    'the port has left the bridge',
    ({ node, port }) => on(node, `set ${port} nomaster`),
    'CNI veth created for bridge cni0 was not found',
  ],
  [
    'the port has another MAC',
    ({ node, port }) => on(node, `set ${port} address 0a:00:00:00:00:09`),
    /^Interface veth[0-9a-f]{8} Mac doesn't match: [0-9a-f:]{17} not found$/,
  ],
  [
    'hairpin mode is off',
    ({ node, port }) => on(node, `set ${port} type bridge_slave hairpin off`),
    /^Interface veth[0-9a-f]{8} has hairpin mode false, configured is true$/,
  ],
  [
    'the port is not isolated',
    ({ node, port }) => on(node, `set ${port} type bridge_slave isolated off`),
    /^Interface veth[0-9a-f]{8} has port isolation false, configured is true$/,
  ],
  [
    'the IPv4 address is missing',
    ({ pod }) => ip(pod, 'address', 'delete 10.1.2.5/24 dev eth0'),
    'Failed to match addr 10.1.2.5/24 on interface eth0',
  ],
  [
    'the IPv6 address is missing',
    ({ pod }) => ip(pod, 'address', 'delete fd00::5/64 dev eth0'),
    'Failed to match addr fd00::5/64 on interface eth0',
  ],
  [
    'the gateway is out of reach',
    ({ pod }) => ip(pod, 'route', 'delete 10.1.2.0/24'),
    'Failed to find Gateway 10.1.2.1 for interface eth0',
  ],
  [
    'a route is missing',
    ({ pod }) => ip(pod, 'route', 'delete 10.7.0.0/16'),
    'Expected Route {10.7.0.0/16 via 10.1.2.9} not found in routing table',
  ],
  [
    'a route goes another way',
    ({ pod }) => ip(pod, 'route', 'replace 10.7.0.0/16 via 10.1.2.8'),
    'Expected Route {10.7.0.0/16 via 10.1.2.9} not found in routing table',
  ],
  [
    'a route of another table is missing',
    ({ pod }) => ip(pod, 'route', 'delete 10.8.0.0/16 table 5000'),
    'Expected Route {10.8.0.0/16} not found in routing table',
  ],
  [
    'the IPv6 default route is missing',
    ({ pod }) => ip(pod, '-6', 'route delete default'),
    'Expected Route {::/0 via fd00::1} not found in routing table',
  ],
]

function ip({ name }: { name: string }, object: string, command: string): string[] {
  return ['ip', '-n', name, object, ...command.split(' ')]
}

function on(namespace: { name: string }, command: string): string[] {
  return ip(namespace, 'link', command)
}

/** A pod with every setting that CHECK looks at. */
async function attach(scope: Scope): Promise<[Node, Pod, Network, Output]> {
  const node = makeNode(scope)
  const pod = node.pod()
  const network = makeNetwork(node, {
    ...{ isDefaultGateway: true, mtu: 1400, hairpinMode: true, portIsolation: true },
    ipam: fakeIpam(node, {
      ips: [{ address: '10.1.2.5/24' }, { address: 'fd00::5/64' }],
      routes: [
        { dst: '10.7.0.0/16', gw: '10.1.2.9' },
        { dst: '10.8.0.0/16', table: 5000 },
      ],
    }),
  })
  return [node, pod, network, await network.attach(pod)]
}

t.test('every difference is found', options, async (t) => {
  for (const [title, change, msg] of differences) {
    const [node, pod, network, prevResult] = await attach(t)
    runSync(change({ node, pod, port: veths(node)[0]?.ifname ?? '' }))
    const error = await network.refused('CHECK', pod, { prevResult })
    t.match(error, { code: 999, msg }, title)
    t.match(error.details, /the pod has to be made anew|the next pod .* repairs the bridge/)
  }
})

t.test('a prevResult that is not of this attachment', options, async (t) => {
  const [node, pod, network, prevResult] = await attach(t)
  const [bridge, port, container] = prevResult.interfaces ?? []
  const interfacesAre = (...interfaces: unknown[]) => ({
    prevResult: { ...prevResult, interfaces },
  })
  runSync(on(node, 'add br8 type veth peer veth8'))
  for (const [keys, code, msg] of [
    [{}, 7, 'Required prevResult missing'],
    [
      { prevResult: { ...prevResult, cniVersion: '0.4.0' } },
      7,
      'could not parse prevResult: result type supports [1.0.0 1.1.0] but unmarshalled CNIVersion ' +
        'is "0.4.0"',
    ],
    [interfacesAre(port, container), 999, 'Interface name missing '],
    [
      interfacesAre({ ...bridge, sandbox: pod.netns }, port, container),
      999,
      'Interface cni0 should not be in sandbox',
    ],
    [
      { ...interfacesAre({ name: 'br8' }, port, container), bridge: 'br8' },
      999,
      'Interface br8 does not have link type of bridge',
    ],
    [
      interfacesAre(bridge, port, { ...container, sandbox: '/run/netns/x' }),
      999,
      `Sandbox in prevResult /run/netns/x doesn't match configured netns: ${pod.netns}`,
    ],
    [interfacesAre(bridge, container), 999, 'CNI veth created for bridge cni0 was not found'],
  ] as const) {
    t.match(await network.refused('CHECK', pod, keys), { code, msg })
  }
  const gone = { netns: '/run/netns/cnits-none' }
  t.match(await network.refused('CHECK', pod, { prevResult }, gone), {
    msg: /^failed to open netns "\/run\/netns\/cnits-none": failed to Statfs /,
  })
})
