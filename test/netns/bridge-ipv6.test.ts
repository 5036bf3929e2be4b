/** IPv6 in the bridge plugin: usable when the ADD returns, and for as long as the pod lives. */
import t from 'tap'
import {
  getSysctl,
  kernelSkip,
  makeNode,
  type Namespace,
  setSysctl,
} from '../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { addresses, globalCidrs, reaches, routes } from '../support/ip.ts'
import { fakeIpam, hostLocal, reserved } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

/** Whether an address answers the very first ping within a second. */
async function reachesAtOnce({ netns }: Namespace, address: string): Promise<boolean> {
  const ping = ['ping', '-n', '-c', '1', '-W', '1', address]
  return (await run(inside(netns, ping))).code === 0
}

/** The global addresses that duplicate address detection still keeps from being used. */
function tentative(namespace: Namespace, ifName: string): string[] {
  return addresses(namespace, ifName)
    .filter((address) => address.scope === 'global' && address.tentative)
    .map(({ local }) => local)
}

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}

t.test('an IPv6 pod', options, async (t) => {
  const node = makeNode(t)
  setSysctl(node, 'net/ipv6/conf/all/forwarding', '0')
  const [pod, other] = [node.pod(), node.pod()]
  const network = makeNetwork(node, { isDefaultGateway: true, ipam: hostLocal(node, 'fd00::/64') })

  const result = await network.attach(pod)
  t.strictSame([tentative(pod, 'eth0'), tentative(node, 'cni0')], [[], []], 'no DAD')
  t.ok(await reachesAtOnce(pod, 'fd00::1'), 'the gateway answers at once')
  t.match(result, {
    ips: [{ address: 'fd00::2/64', gateway: 'fd00::1', interface: 2 }],
    routes: [{ dst: '::/0', gw: 'fd00::1' }],
  })
  t.strictSame(globalCidrs(pod, 'eth0'), ['fd00::2/64'])
  t.strictSame(globalCidrs(node, 'cni0'), ['fd00::1/64'])
  t.match(
    routes(pod, 6).find(({ dst }) => dst === 'default'),
    { gateway: 'fd00::1', dev: 'eth0', protocol: 'boot' },
  )
  t.equal(getSysctl(node, 'net/ipv6/conf/all/forwarding'), '1')
  t.equal(getSysctl(node, 'net/ipv4/ip_forward'), '0', 'IPv4 is left alone')
  t.equal(getSysctl(pod, 'net/ipv6/conf/eth0/accept_dad'), '0')
  for (const name of ['cni0', veths(node)[0]?.ifname]) {
    t.equal(getSysctl(node, `net/ipv6/conf/${name}/accept_ra`), '0', 'routers are not believed')
  }

  await network.attach(other)
  t.ok(await reachesAtOnce(other, 'fd00::2'), 'one pod reaches the other at once')
})

t.test('an IPv6 ADD takes no longer than an IPv4 one', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node, { isDefaultGateway: true })
  const time = (ipam: object) => seconds(() => network.attach(node.pod(), { ipam }))
  const v4 = await time(hostLocal(node, '10.1.2.0/24'))
  const v6 = await time(hostLocal(node, 'fd00::/64'))
  // duplicate address detection takes 1 to 2 s
  t.ok(v6 < v4 + 0.8, `IPv6 took ${v6.toFixed(2)} s, IPv4 ${v4.toFixed(2)} s`)
})

t.test('a dual-stack pod', options, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const ipam = hostLocal(node, '10.1.2.0/24', 'fd00::/64')
  const network = makeNetwork(node, { isDefaultGateway: true, ipam })
  t.match(await network.attach(pod), {
    ips: [
      { address: '10.1.2.2/24', gateway: '10.1.2.1', interface: 2 },
      { address: 'fd00::2/64', gateway: 'fd00::1', interface: 2 },
    ],
    routes: [
      { dst: '0.0.0.0/0', gw: '10.1.2.1' },
      { dst: '::/0', gw: 'fd00::1' },
    ],
  })
  t.strictSame(globalCidrs(pod, 'eth0'), ['10.1.2.2/24', 'fd00::2/64'])
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24', 'fd00::1/64'])
  t.equal(getSysctl(node, 'net/ipv4/ip_forward'), '1')
  t.equal(getSysctl(node, 'net/ipv6/conf/all/forwarding'), '1')
  await network.attach(other)
  for (const address of ['10.1.2.1', 'fd00::1', '10.1.2.2', 'fd00::2']) {
    t.ok(await reaches(other, address), address)
  }
  await network.silent('DEL', pod)
  t.strictSame(reserved(node).sort(), ['10.1.2.3', 'fd00::3'])
})

t.test('a sandbox in which IPv6 is disabled', options, async (t) => {
  const node = makeNode(t)
  const [pod, v4Pod] = [node.pod(), node.pod()]
  const isDisabled = (each: Namespace, name: string) =>
    getSysctl(each, `net/ipv6/conf/${name}/disable_ipv6`)
  for (const each of [pod, v4Pod]) {
    for (const name of ['all', 'default'])
      setSysctl(each, `net/ipv6/conf/${name}/disable_ipv6`, '1')
  }
  const network = makeNetwork(node, { isDefaultGateway: true })
  await network.attach(pod, { ipam: hostLocal(node, 'fd00::/64') })
  t.ok(await reachesAtOnce(pod, 'fd00::1'))
  t.strictSame([isDisabled(pod, 'eth0'), isDisabled(pod, 'lo')], ['0', '0'])
  await network.attach(v4Pod, { ipam: hostLocal(node, '10.1.2.0/24') })
  t.equal(isDisabled(v4Pod, 'eth0'), '1', 'an IPv4 network leaves it so')
})

t.test('an address stays when its link goes down', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  await makeNetwork(node, { ipam: hostLocal(node, 'fd00::/64') }).attach(pod)
  t.equal(getSysctl(pod, 'net/ipv6/conf/eth0/keep_addr_on_down'), '1')
  runSync(['ip', '-n', pod.name, 'link', 'set', 'eth0', 'down'])
  t.strictSame(globalCidrs(pod, 'eth0'), ['fd00::2/64'])
})

t.test('duplicate address detection, when it is asked for', options, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const ipam = fakeIpam(node, { ips: [{ address: 'fd00::5/64' }] })
  const network = makeNetwork(node, { isGateway: true, enabledad: true, ipam })
  const took = await seconds(() => network.attach(pod))
  t.ok(took > 0.5, `waited for it: ${took.toFixed(2)} s`)
  t.strictSame(tentative(pod, 'eth0'), [])
  t.equal(getSysctl(pod, 'net/ipv6/conf/eth0/accept_dad'), '1')
  t.equal(getSysctl(pod, 'net/ipv6/conf/eth0/enhanced_dad'), '1')

  t.match(await network.refused('ADD', other), {
    code: 999,
    msg: 'failed to settle addresses for "eth0": link eth0 has address fd00::5 in DADFAILED state',
    details: 'another machine on this network has the address already',
  })
  t.equal(veths(node).length, 1, 'nothing of it is left')
  t.ok(await reachesAtOnce(pod, 'fd00::1'), 'the first pod is not disturbed')
})
