/** The routes that the bridge plugin gives a pod. */
import t from 'tap'
import { kernelSkip, makeNode, type Scope } from '../../scripts/lab/node.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { ipJson, link, type Route, routes } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, hostLocal } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

const ips = [{ address: '10.1.2.5/24', gateway: '10.1.2.1' }, { address: 'fd00::5/64' }]

/** A pod on a network whose IPAM plugin gives these routes. */
function setUp(scope: Scope, answered: object[], keys: object = {}) {
  const node = makeNode(scope)
  const pod = node.pod()
  const ipam = fakeIpam(node, { ips, routes: answered })
  return { node, pod, network: makeNetwork(node, { isGateway: true, ipam, ...keys }) }
}

const to = (dst: string) => (route: Route) => route.dst === dst

t.test('by the gateway that a route names, or else its family’s', options, async (t) => {
  const answered = [
    { dst: '10.7.0.0/16', gw: '10.1.2.9' },
    { dst: '10.8.0.0/16' },
    { dst: 'fd01::/64', gw: 'fd00::9' },
    { dst: 'fd02::/64' },
    { dst: '0.0.0.0/0', gw: '10.1.2.1' },
  ]
  const { pod, network } = setUp(t, answered)
  t.strictSame((await network.attach(pod)).routes, answered, 'the result has them as given')
  const [v4, v6] = [routes(pod), routes(pod, 6)]
  t.match(v4.find(to('10.7.0.0/16')), { gateway: '10.1.2.9', dev: 'eth0' })
  t.match(v4.find(to('10.8.0.0/16')), { gateway: '10.1.2.1' })
  t.match(v4.find(to('default')), { gateway: '10.1.2.1' })
  t.match(v6.find(to('fd01::/64')), { gateway: 'fd00::9' })
  t.match(v6.find(to('fd02::/64')), { gateway: 'fd00::1' })
  t.strictSame(v6.find(to('default')), undefined)
})

t.test('a route to the link when there is no gateway', options, async (t) => {
  const { node, pod, network } = setUp(t, [{ dst: '10.7.0.0/16' }], { isGateway: false })
  fakeIpam(node, { ips: [{ address: '10.1.2.5/24' }], routes: [{ dst: '10.7.0.0/16' }] })
  await network.attach(pod)
  const found = routes(pod).find(to('10.7.0.0/16'))
  t.match(found, { dev: 'eth0' })
  t.equal(found?.gateway, undefined)
})

t.test('table, scope, priority, MTU and MSS', options, async (t) => {
  const { pod, network } = setUp(t, [
    { dst: '10.7.0.0/16', table: 5000 },
    { dst: 'fd01::/64', table: 5000 },
    { dst: '10.8.0.1/32', scope: 200 },
    { dst: '10.9.0.0/16', mtu: 1300, advmss: 1200, priority: 7 },
    { dst: 'fd02::/64', mtu: 1300, priority: 7 },
  ])
  await network.attach(pod)
  t.match(routes(pod, 4, 5000), [{ dst: '10.7.0.0/16', gateway: '10.1.2.1', dev: 'eth0' }])
  t.match(routes(pod, 6, 5000), [{ dst: 'fd01::/64', gateway: 'fd00::1', dev: 'eth0' }])
  const [v4, v6] = [routes(pod), routes(pod, 6)]
  t.match(v4.find(to('10.8.0.1')), { scope: 'site' }, 'iproute2’s name of 200')
  const limited = { metric: 7, metrics: [{ mtu: 1300 }] }
  t.match(v4.find(to('10.9.0.0/16')), { ...limited, metrics: [{ mtu: 1300, advmss: 1200 }] })
  t.match(v6.find(to('fd02::/64')), limited)
})

t.test('two ways to one destination are both there', options, async (t) => {
  const { pod, network } = setUp(t, [
    { dst: '10.7.0.0/16', gw: '10.1.2.8' },
    { dst: '10.7.0.0/16', gw: '10.1.2.9' },
    { dst: 'fd01::/64', gw: 'fd00::8' },
    { dst: 'fd01::/64', gw: 'fd00::9' },
  ])
  await network.attach(pod)
  const v4 = routes(pod).filter(to('10.7.0.0/16'))
  t.strictSame(
    v4.map(({ gateway }) => gateway),
    ['10.1.2.9', '10.1.2.8'],
  )
  const hops = ipJson<{ dst: string; nexthops?: { gateway: string }[] }>(pod, '-6', 'route')
    .filter(({ dst }) => dst === 'fd01::/64')
    .flatMap(({ nexthops = [] }) => nexthops.map(({ gateway }) => gateway))
  t.strictSame(hops.sort(), ['fd00::8', 'fd00::9'])
})

t.test('a default route of the IPAM plugin is not made a second time', options, async (t) => {
  for (const route of [
    { dst: '0.0.0.0/0' },
    { dst: '0.0.0.0/0', gw: '10.1.2.1' },
    { dst: '0.0.0.0/0', gw: '10.1.2.9' },
    { dst: '0.0.0.0/0', table: 254 },
  ]) {
    const { pod, network } = setUp(t, [route], { isDefaultGateway: true })
    const result = await network.attach(pod)
    t.strictSame(result.routes, [route, { dst: '::/0', gw: 'fd00::1' }])
    const gateway = 'gw' in route ? route.gw : '10.1.2.1'
    t.match(routes(pod).filter(to('default')), [{ gateway }])
    await network.silent('CHECK', pod, { prevResult: result })
  }
})

t.test('a route that the kernel refuses, in words', options, async (t) => {
  for (const [route, msg, details] of [
    [
      { dst: '10.7.0.0/16', gw: '192.0.2.1' },
      "failed to add route '10.7.0.0/16 via 192.0.2.1 dev eth0': network is unreachable",
      /Nexthop has invalid gateway/,
    ],
    [
      { dst: '10.7.0.1/16' },
      "failed to add route '10.7.0.1/16 via 10.1.2.1 dev eth0': invalid argument",
      /Invalid prefix for given prefix length/,
    ],
    [{ gw: '10.1.2.1' }, 'failed to add route: it has no destination', /needs a "dst"/],
  ] as const) {
    const { node, pod, network } = setUp(t, [route])
    t.match(await network.refused('ADD', pod), { msg, details })
    t.equal(link(pod, 'eth0'), undefined, 'no interface is left')
    t.strictSame([veths(node), link(node, 'cni0')], [[], undefined], 'and no bridge')
    t.equal(fakeIpamCalls(node).at(-1), 'DEL', 'the address is released')
  }
})

t.test('the same route twice', options, async (t) => {
  const { pod, network } = setUp(t, [{ dst: '10.7.0.0/16' }, { dst: '10.7.0.0/16' }])
  const msg = "failed to add route '10.7.0.0/16 via 10.1.2.1 dev eth0': file exists"
  t.match(await network.refused('ADD', pod), { code: 999, msg })
})

t.test('routes of host-local', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const ipam = { ...hostLocal(node, '10.1.2.0/24'), routes: [{ dst: '10.244.0.0/16' }] }
  await makeNetwork(node, { isDefaultGateway: true, ipam }).attach(pod)
  t.match(routes(pod), [
    { dst: 'default', gateway: '10.1.2.1' },
    { dst: '10.1.2.0/24' },
    { dst: '10.244.0.0/16', gateway: '10.1.2.1' },
  ])
})
