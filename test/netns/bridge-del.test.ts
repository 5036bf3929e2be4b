/** DEL of the bridge plugin: it succeeds whatever is left, and leaves nothing. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Scope } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link, reaches } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, hostLocal, reserved } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

/** A node with two pods that are attached. */
async function setUp(scope: Scope) {
  const node = makeNode(scope)
  const [pod, other] = [node.pod(), node.pod()]
  const ipam = hostLocal(node, '10.1.2.0/24')
  const network = makeNetwork(node, { isDefaultGateway: true, ipam })
  for (const each of [pod, other]) await network.attach(each)
  return { node, pod, other, network }
}

t.test('both ends go, the address goes, the bridge stays', options, async (t) => {
  const { node, pod, other, network } = await setUp(t)
  const index = link(node, 'cni0')?.ifindex
  await network.silent('DEL', pod)
  t.equal(link(pod, 'eth0'), undefined)
  t.equal(veths(node).length, 1)
  t.strictSame(reserved(node), ['10.1.2.3'])
  t.equal(link(node, 'cni0')?.ifindex, index)
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'])
  t.ok(await reaches(other, '10.1.2.1'), 'the other pod is not disturbed')
  await network.silent('DEL', pod)
  t.strictSame(reserved(node), ['10.1.2.3'], 'a second time changes nothing')
})

t.test('a container that was never attached', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node, { ipam: hostLocal(node, '10.1.2.0/24') })
  await network.silent('DEL', node.pod())
  await makeNetwork(node).silent('DEL', node.pod())
  t.equal(link(node, 'cni0'), undefined, 'makes no bridge')
})

t.test('a runtime that does not know the sandbox any more', options, async (t) => {
  const { node, pod, network } = await setUp(t)
  await network.silent('DEL', pod, {}, { netns: '' })
  t.equal(link(pod, 'eth0'), undefined, 'the link is found by its other end')
  t.strictSame([veths(node).length, reserved(node)], [1, ['10.1.2.3']])
  await network.silent('DEL', pod, {}, { env: { CNI_NETNS: undefined } })
})

t.test('a sandbox that is gone, or whose file is none any more', options, async (t) => {
  const { node, pod, other, network } = await setUp(t)
  runSync(['ip', 'netns', 'delete', pod.name])
  await network.silent('DEL', pod)
  t.strictSame(reserved(node), ['10.1.2.3'])
  const file = join(node.dir, 'sandbox')
  writeFileSync(file, '')
  await network.silent('DEL', other, {}, { netns: file })
  t.strictSame([veths(node), reserved(node)], [[], []])
})

t.test('a container that gave its interface another name', options, async (t) => {
  const { node, pod, network } = await setUp(t)
  runSync(['ip', '-n', pod.name, 'link', 'set', 'eth0', 'down'])
  runSync(['ip', '-n', pod.name, 'link', 'set', 'eth0', 'name', 'net7'])
  await network.silent('DEL', pod)
  t.equal(link(pod, 'net7'), undefined)
  t.equal(veths(node).length, 1)
})

t.test('one interface of several', options, async (t) => {
  const { node, pod, network } = await setUp(t)
  await network.attach(pod, {}, { ifName: 'net1' })
  t.strictSame(globalCidrs(pod, 'net1'), ['10.1.2.4/24'])
  await network.silent('DEL', pod, {}, { ifName: 'net1' })
  t.equal(link(pod, 'net1'), undefined)
  t.strictSame(globalCidrs(pod, 'eth0'), ['10.1.2.2/24'])
  t.strictSame(reserved(node).sort(), ['10.1.2.2', '10.1.2.3'])
})

t.test('an IPAM plugin that fails', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const ipam = fakeIpam(node, { ips: [{ address: '10.1.2.5/24' }] })
  const network = makeNetwork(node, { ipam })
  await network.attach(pod)
  const error = await network.refused('DEL', pod, { ipam: { type: 'nowhere' } })
  t.match(error, { code: 999, msg: /^failed to find plugin "nowhere" in path \[/ })
  t.equal(link(pod, 'eth0'), undefined, 'the link is gone all the same')
  fakeIpamCalls(node)
  await network.silent('DEL', pod)
  t.strictSame(fakeIpamCalls(node), ['DEL'], 'and a second DEL makes up for it')
})

t.test('a configuration that is wrong', options, async (t) => {
  const { node, pod, network } = await setUp(t)
  t.match(await network.refused('DEL', pod, { vlan: 4095 }), {
    code: 7,
    msg: 'invalid VLAN ID 4095 (must be between 0 and 4094)',
  })
  t.equal(veths(node).length, 2)
  const refusedByAdd = [
    { hairpinMode: true, promiscMode: true },
    { runtimeConfig: { mac: 'zz' } },
    { bridge: 'a-bridge-too-long' },
    { mtu: 70000 },
    { ipMasqBackend: 'ipfw' },
  ]
  for (const keys of refusedByAdd) {
    await network.refused('ADD', pod, keys)
    await network.silent('DEL', pod, keys)
    t.equal(veths(node).length, 1, 'settings that no ADD takes are no reason to keep the link')
  }
})
