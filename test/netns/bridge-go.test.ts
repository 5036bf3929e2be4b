/** A node that changes from Go's bridge plugin to ours or back, with pods running. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link, reaches } from '../support/ip.ts'
import { hostLocal, reserved } from '../support/ipam.ts'
import type { Output } from '../support/plugin-call.ts'

const goDir = '/usr/lib/cni'
const skip =
  kernelSkip() ||
  (!existsSync(join(goDir, 'bridge')) &&
    'Go’s bridge is not installed: apt-get install containernetworking-plugins')

// The newest version that Debian's plugins know is 1.0.0.
const keys = { cniVersion: '1.0.0', hairpinMode: true, isDefaultGateway: true, mtu: 1400 }

function setUp(node: Node, ...subnets: string[]) {
  const ipam = hostLocal(node, ...subnets)
  const conf = { ...keys, name: 'net1', type: 'bridge', ipam }
  /** Calls Go's plugins; rejects when they fail. */
  const go = async (command: string, pod: Pod, more: object = {}): Promise<Output> => {
    const env = {
      PATH: process.env['PATH'],
      CNI_COMMAND: command,
      CNI_CONTAINERID: pod.containerId,
      CNI_NETNS: pod.netns,
      CNI_IFNAME: 'eth0',
      CNI_PATH: goDir,
    }
    const stdin = JSON.stringify({ ...conf, ...more })
    const argv = inside(node.netns, [join(goDir, 'bridge')])
    const { code, stdout } = await run(argv, { stdin, env })
    if (code !== 0) throw new Error(`Go’s ${command}: ${stdout}`)
    return stdout === '' ? {} : (JSON.parse(stdout) as Output) // asserted on by the tests
  }
  return { go, network: makeNetwork(node, { ...keys, ipam }) }
}

for (const [family, subnets] of [
  ['IPv4', ['10.1.2.0/24']],
  ['dual-stack', ['10.1.2.0/24', 'fd00::/64']],
] as const) {
  t.test(`${family} pods of Go’s plugin are checked and deleted by ours`, { skip }, async (t) => {
    const node = makeNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    const { go, network } = setUp(node, ...subnets)
    const prevResult = await go('ADD', pod)
    const mac = link(node, 'cni0')?.address
    await network.silent('CHECK', pod, { prevResult })
    t.match(await network.refused('ADD', pod), { msg: /^container veth name \("eth0"\) peer/ })

    await network.attach(other)
    t.equal(link(node, 'cni0')?.address, mac)
    t.ok(await reaches(other, '10.1.2.2'), 'a pod of ours reaches it')
    await network.silent('CHECK', pod, { prevResult })
    await network.silent('DEL', pod, { prevResult })
    t.equal(link(pod, 'eth0'), undefined)
    t.equal(veths(node).length, 1)
    t.equal(reserved(node).length, subnets.length)
    t.equal(link(node, 'cni0')?.address, mac)
  })

  t.test(`${family} pods of ours are checked and deleted by Go’s`, { skip }, async (t) => {
    const node = makeNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    const { go, network } = setUp(node, ...subnets)
    const prevResult = await network.attach(pod)
    const mac = link(node, 'cni0')?.address
    await go('CHECK', pod, { prevResult })
    await go('ADD', other)
    t.ok(await reaches(other, '10.1.2.2'))
    t.equal(link(node, 'cni0')?.address, mac)
    await go('DEL', pod, { prevResult })
    t.strictSame(globalCidrs(pod, 'eth0'), [])
    t.equal(veths(node).length, 1)
    t.equal(reserved(node).length, subnets.length)
    await go('DEL', other)
    t.strictSame([veths(node), reserved(node)], [[], []])
    t.equal(link(node, 'cni0')?.address, mac)
  })
}

t.test('both make the same of one configuration', { skip }, async (t) => {
  const state = async (implementation: 'go' | 'ours') => {
    const node = makeNode(t)
    const pod = node.pod()
    const { go, network } = setUp(node, '10.1.2.0/24', 'fd00::/64')
    const result = implementation === 'go' ? await go('ADD', pod) : await network.attach(pod)
    const [port] = veths(node)
    const { hairpin, isolated } = port?.linkinfo?.info_slave_data ?? {}
    return {
      ...{ hairpin, isolated, ips: result.ips, routes: result.routes },
      interfaces: result.interfaces?.map((each) => Object.keys(each).sort()),
      mtus: [link(node, 'cni0')?.mtu, port?.mtu, link(pod, 'eth0')?.mtu],
      cidrs: [globalCidrs(node, 'cni0'), globalCidrs(pod, 'eth0')],
    }
  }
  t.strictSame(await state('ours'), await state('go'))
})

t.test('an address of Go’s plugin is replaced when its pods are gone', { skip }, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const { go, network } = setUp(node, '10.1.2.0/24')
  await go('ADD', pod)
  const ipam = hostLocal(node, '10.1.3.0/24')
  t.match(await network.refused('ADD', other, { ipam }), { details: 'and 1 of its ports is up' })
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'])
  await go('DEL', pod)
  const { code, stderr } = await network.call('ADD', other, { ipam })
  t.equal(code, 0)
  t.match(stderr, 'replacing address 10.1.2.1/24 of cni0 by 10.1.3.1/24: no pod uses it')
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.3.1/24'])
  t.ok(await reaches(other, '10.1.3.1'))
})

t.test('an address of Go’s plugin that cannot be told from others stays', { skip }, async (t) => {
  for (const change of [
    ['address', 'add', '192.168.7.1/24', 'dev', 'cni0'],
    ['link', 'add', 'port', 'master', 'cni0', 'type', 'vxlan', 'id', '7', 'dstport', '4789'],
    ['link', 'set', 'cni0', 'alias', 'mine'],
  ]) {
    const node = makeNode(t)
    const pod = node.pod()
    const { go, network } = setUp(node, '10.1.2.0/24')
    await go('ADD', pod)
    await go('DEL', pod)
    runSync(['ip', '-n', node.name, ...change])
    const before = globalCidrs(node, 'cni0')
    const ipam = hostLocal(node, '10.1.3.0/24')
    const error = await network.refused('ADD', pod, { ipam })
    t.match(error, { details: 'which this plugin did not set' }, change.join(' '))
    t.strictSame(globalCidrs(node, 'cni0'), before)
  }
  const node = makeNode(t)
  const pod = node.pod()
  const { go, network } = setUp(node, '10.1.2.0/24')
  await go('ADD', pod, { bridge: 'br0' })
  await go('DEL', pod, { bridge: 'br0' })
  const keys = { bridge: 'br0', ipam: hostLocal(node, '10.1.3.0/24') }
  t.match(await network.refused('ADD', pod, keys), { details: 'which this plugin did not set' })
})
