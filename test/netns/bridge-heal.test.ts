/** ADDs that fail, are repeated, are interrupted or run at once. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { hostVethName } from '../../plugins/bridge/veth-name.ts'
import {
  kernelSkip,
  makeNode,
  type Namespace,
  type Node,
  type Pod,
  type Scope,
} from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link, links, ports, reaches } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, fakeIpamDir, hostLocal, reserved } from '../support/ipam.ts'
import { requestOf } from '../support/request.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }

const subnet = '10.1.2.0/24'

/** A node with one pod, and a network with addresses. */
function setUp(scope: Scope) {
  const node = makeNode(scope)
  const ipam = hostLocal(node, subnet)
  return { node, pod: node.pod(), network: makeNetwork(node, { isDefaultGateway: true, ipam }) }
}

const hostName = ({ containerId }: Pod) => hostVethName(requestOf({ containerId }))

/** What a namespace has, without the clocks that run in bridges. */
function stateOf(namespace: Namespace): object[] {
  return links(namespace).map(({ ifindex, ifname, ifalias, address, flags }) => ({
    ...{ ifindex, ifname, ifalias, address, flags },
    cidrs: globalCidrs(namespace, ifname),
  }))
}

/** Asserts that the pod has one working link, and nothing is there twice. */
async function isWhole(t: Test, node: Node, pod: Pod): Promise<void> {
  const [port, ...more] = veths(node)
  t.match(port, { ifname: hostName(pod), ifalias: `net1/${pod.containerId}/eth0` })
  t.strictSame(more, [])
  t.equal(reserved(node).length, 1)
  t.ok(await reaches(pod, '10.1.2.1'))
}

t.test('a repeated ADD is refused, and touches nothing', options, async (t) => {
  const { node, pod, network } = setUp(t)
  await network.attach(pod)
  const state = () => [stateOf(node), stateOf(pod), reserved(node)]
  const before = state()
  const error = await network.refused('ADD', pod)
  t.match(error, {
    code: 999,
    msg: `container veth name ("eth0") peer provided ("${hostName(pod)}") already exists`,
    details: /has an interface eth0 already: the runtime must call DEL before another ADD$/,
  })
  t.strictSame(state(), before)
})

t.test('an interface of that name that is none of ours', options, async (t) => {
  const { node, pod, network } = setUp(t)
  runSync(['ip', '-n', pod.name, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'veth9'])
  t.match(await network.refused('ADD', pod), { msg: /^container veth name \("eth0"\) peer/ })
  t.ok(link(pod, 'eth0'), 'it stays')
  t.strictSame([veths(node), reserved(node), link(node, 'cni0')], [[], [], undefined])
})

t.test('a link without the mark of a complete ADD', options, async (t) => {
  const { node, pod, network } = setUp(t)
  await network.attach(pod)
  runSync(['ip', '-n', node.name, 'link', 'set', hostName(pod), 'alias', ''])
  const { code, stderr } = await network.call('ADD', pod)
  t.equal(code, 0)
  t.match(stderr, `removed ${hostName(pod)}, which an interrupted ADD of this attachment left`)
  t.match(stderr, `released what an interrupted call left (`)
  await isWhole(t, node, pod)
  await network.silent('DEL', pod)
  t.strictSame([veths(node), reserved(node)], [[], []])
})

t.test('an address without a link', options, async (t) => {
  const { node, pod, network } = setUp(t)
  await network.attach(pod)
  runSync(['ip', '-n', pod.name, 'link', 'delete', 'eth0'])
  const { code, stderr } = await network.call('ADD', pod)
  t.equal(code, 0)
  t.match(stderr, /warning: released what an interrupted call left \(.*duplicate allocation/)
  await isWhole(t, node, pod)
})

t.test('an ADD that is killed while it waits for addresses', options, async (t) => {
  const { node, pod, network } = setUp(t)
  const killing = fakeIpam(node, {})
  const script = join(fakeIpamDir(node), 'fake')
  writeFileSync(script, '#!/bin/sh\n[ "$CNI_COMMAND" != ADD ] || kill -KILL $PPID\n')
  chmodSync(script, 0o755)
  const killed = await network.call('ADD', pod, { ipam: killing })
  t.not(killed.code, 0)
  t.equal(veths(node)[0]?.ifalias, undefined, 'it leaves a link')
  const { code } = await network.call('ADD', pod)
  t.equal(code, 0)
  await isWhole(t, node, pod)
})

t.test('a name on the host that is taken', options, async (t) => {
  const { node, pod, network } = setUp(t)
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'add', hostName(pod), 'type', 'veth', 'peer', 'other')
  ip('link', 'set', hostName(pod), 'alias', 'net1/another-pod/eth0')
  await network.attach(pod)
  t.match(ports(node, 'cni0'), [{ ifname: /^veth[0-9a-f]{8}$/ }])
  t.not(ports(node, 'cni0')[0]?.ifname, hostName(pod))
  t.ok(await reaches(pod, '10.1.2.1'))
  await network.silent('DEL', pod)
  t.strictSame(ports(node, 'cni0'), [])
  await network.silent('DEL', pod, {}, { netns: '' })
  t.ok(link(node, hostName(pod)), 'what has taken it stays')
})

t.test('a failed ADD leaves what was there', options, async (t) => {
  const { node, pod, network } = setUp(t)
  const failing = node.pod()
  await network.attach(pod)
  const state = () => [stateOf(node), stateOf(failing), reserved(node)]
  const before = state()
  for (const ipam of [
    fakeIpam(node, { code: 11, msg: 'not today', details: 'ask tomorrow' }),
    fakeIpam(node, {
      ips: [{ address: '10.1.2.9/24' }],
      routes: [{ dst: '10.7.0.0/16', gw: '192.0.2.1' }],
    }),
    { ...hostLocal(node, subnet), routes: [{ dst: '10.7.0.0/16', gw: '192.0.2.1' }] },
    { ...hostLocal(node, subnet), ranges: [[{ subnet: 'nonsense' }]] },
  ]) {
    await network.refused('ADD', failing, { ipam })
    t.strictSame(state(), before)
  }
})

t.test('the IPAM plugin’s error is passed on', options, async (t) => {
  const { node, pod, network } = setUp(t)
  const ipam = fakeIpam(node, { code: 11, msg: 'not today', details: 'ask tomorrow' })
  const error = await network.refused('ADD', pod, { ipam })
  t.match(error, { code: 11, msg: 'not today', details: 'ask tomorrow; in fake' })
  t.strictSame(fakeIpamCalls(node), ['ADD'], 'nothing of another interface is released')
  t.strictSame([veths(node), link(node, 'cni0')], [[], undefined])
})

t.test('a sandbox that is none', options, async (t) => {
  const { node, pod, network } = setUp(t)
  const file = join(node.dir, 'file')
  writeFileSync(file, '')
  for (const [netns, reason] of [
    [
      '/run/netns/cnits-none',
      'failed to Statfs "/run/netns/cnits-none": no such file or directory',
    ],
    [file, /^failed to open netns ".*": unknown FS magic on ".*": [0-9a-f]+$/],
    [node.netns, "plugin's netns and netns from CNI_NETNS should not be the same"],
  ] as const) {
    t.match(await network.refused('ADD', pod, {}, { netns }), { msg: reason })
    t.equal(link(node, 'cni0'), undefined, 'no bridge is made')
    t.strictSame(reserved(node), [])
  }
})

t.test('names as long as they may be', options, async (t) => {
  const node = makeNode(t)
  const pod = { ...node.pod(), containerId: 'c'.repeat(500) }
  const network = makeNetwork(node, { name: 'n'.repeat(200) })
  await network.attach(pod)
  t.match(veths(node), [{ ifname: hostName(pod), ifalias: /^n{200}\/c{39}\/[0-9a-f]{8}$/ }])
  await network.silent('DEL', pod, {}, { netns: '' })
  t.strictSame(veths(node), [])
})

/** Messages of an ADD to the kernel behind its look at the bridge: up, the pair, another look. */
const joining = [2, 3, 4]

t.test(
  'a bridge that goes while a pod is joining it',
  { skip: kernelSkip() || straceSkip() },
  async (t) => {
    await Promise.all(
      joining.map(async (nth) => {
        const { node, pod, network } = setUp(t)
        runSync(['ip', '-n', node.name, 'link', 'add', 'cni0', 'type', 'bridge'])
        const late = `inject=sendto:delay_enter=3000000:when=${nth}` // µs
        const strace = ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=sendto', '-e', late]
        const added = network.attach(pod, {}, { argv: (executable) => [...strace, executable] })
        await sleep(1500)
        runSync(['ip', '-n', node.name, 'link', 'delete', 'cni0'])
        await added
        t.equal(ports(node, 'cni0').length, 1, `late at message ${nth}`)
        await network.silent('DEL', pod)
      }),
    )
  },
)

t.test('eight ADDs at once on a fresh node', options, async (t) => {
  const { node, network } = setUp(t)
  const pods = Array.from({ length: 8 }, () => node.pod())
  const results = await Promise.all(pods.map((pod) => network.attach(pod)))
  const bridges = links(node).filter(({ linkinfo }) => linkinfo?.info_kind === 'bridge')
  t.equal(bridges.length, 1)
  t.equal(ports(node, 'cni0').length, 8)
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'])
  const given = results.flatMap(({ ips = [] }) => ips.map(({ address }) => address))
  t.equal(new Set(given).size, 8, 'every pod has an address of its own')
  for (const { interfaces } of results) t.equal(interfaces?.[0]?.mac, bridges[0]?.address)
  const [first, last] = [pods[0], given.at(-1)?.replace('/24', '')]
  t.ok(first && last && (await reaches(first, last)))
  await Promise.all(pods.map((pod) => network.silent('DEL', pod)))
  t.strictSame([ports(node, 'cni0'), reserved(node)], [[], []])
})
