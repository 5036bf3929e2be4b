/** The bridge and its ports: what the configuration asks of them, and what is left as it was. */
import t from 'tap'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { addresses, link, reaches } from '../support/ip.ts'
import { fakeIpam, hostLocal, reserved } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

/** What the kernel has of the one port there is, as the port of a bridge. */
const port = (node: Node) => veths(node)[0]?.linkinfo?.info_slave_data

t.test('without IPAM the pod has a link and nothing else', options, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const network = makeNetwork(node)
  const result = await network.attach(pod)
  const eth0 = link(pod, 'eth0')
  const [end] = veths(node)
  t.strictSame(result, {
    cniVersion: '1.1.0',
    interfaces: [
      { mac: link(node, 'cni0')?.address, name: 'cni0' },
      { mac: end?.address, name: end?.ifname },
      { mac: eth0?.address, name: 'eth0', sandbox: pod.netns },
    ],
  })
  t.ok(eth0?.flags.includes('UP'))
  t.match(end, { master: 'cni0', operstate: 'UP' })
  t.strictSame(
    addresses(pod, 'eth0').filter(({ scope }) => scope === 'global'),
    [],
  )
  await network.attach(other)
  for (const [{ name }, address] of [
    [pod, '10.1.2.5/24'],
    [other, '10.1.2.6/24'],
  ] as const) {
    runSync(['ip', '-n', name, 'address', 'add', address, 'dev', 'eth0'])
  }
  t.ok(await reaches(pod, '10.1.2.6'), 'the link works')
  for (const each of [pod, other]) await network.silent('DEL', each)
  t.strictSame(veths(node), [])
})

t.test('a version whose result needs an address is refused first', options, async (t) => {
  const node = makeNode(t)
  for (const cniVersion of ['0.1.0', '0.2.0']) {
    t.match(await makeNetwork(node, { cniVersion }).refused('ADD', node.pod()), {
      code: 7,
      msg: 'cannot convert: no valid IP addresses',
    })
  }
  t.equal(link(node, 'cni0'), undefined)
})

t.test('disableContainerInterface leaves the interface down', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node, { disableContainerInterface: true })
  const result = await network.attach(pod)
  t.match(link(pod, 'eth0'), { operstate: 'DOWN' })
  t.notOk(link(pod, 'eth0')?.flags.includes('UP'))
  t.strictSame(addresses(pod, 'eth0'), [], 'not even a link-local address')
  await network.silent('CHECK', pod, { prevResult: result })
  await network.silent('DEL', pod)
  const ipam = hostLocal(node, '10.1.2.0/24')
  t.match(await network.refused('ADD', pod, { ipam }), {
    code: 7,
    msg: 'cannot use IPAM when DisableContainerInterface flag is set',
  })
  t.strictSame(reserved(node), [])
})

t.test('hairpin mode', options, async (t) => {
  for (const hairpinMode of [true, false]) {
    const node = makeNode(t)
    await makeNetwork(node, { hairpinMode }).attach(node.pod())
    t.equal(port(node)?.['hairpin'], hairpinMode)
  }
})

t.test('promiscuous mode', options, async (t) => {
  const node = makeNode(t)
  const [first, second, third] = [makeNetwork(node), makeNetwork(node), makeNetwork(node)]
  await first.attach(node.pod())
  t.equal(link(node, 'cni0')?.promiscuity, 0)
  await second.attach(node.pod(), { promiscMode: true })
  t.equal(link(node, 'cni0')?.promiscuity, 1, 'also of a bridge that was there')
  await third.attach(node.pod(), { promiscMode: true })
  await third.attach(node.pod())
  t.equal(link(node, 'cni0')?.promiscuity, 1, 'once, and for good')
})

t.test('hairpin and promiscuous mode exclude each other', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node, { hairpinMode: true, promiscMode: true })
  t.match(await network.refused('ADD', node.pod()), {
    code: 7,
    msg: 'cannot set hairpin mode and promiscuous mode at the same time',
  })
  t.equal(link(node, 'cni0'), undefined)
})

t.test('isolated ports reach the bridge, and not each other', options, async (t) => {
  const node = makeNode(t)
  const [pod, other, open] = [node.pod(), node.pod(), node.pod()]
  const network = makeNetwork(node, { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24') })
  for (const each of [pod, other]) await network.attach(each, { portIsolation: true })
  await network.attach(open)
  const isolated = veths(node).map((each) => each.linkinfo?.info_slave_data?.['isolated'])
  t.strictSame(isolated.sort(), [false, true, true])
  t.ok(await reaches(pod, '10.1.2.1'))
  t.ok(await reaches(pod, '10.1.2.4'), 'a port that is not isolated')
  t.notOk(await reaches(pod, '10.1.2.3'))
})

t.test('the MTU is set on both ends, and on a bridge that is made', options, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const network = makeNetwork(node, { mtu: 1450 })
  await network.attach(pod)
  t.strictSame(
    [link(node, 'cni0')?.mtu, veths(node)[0]?.mtu, link(pod, 'eth0')?.mtu],
    [1450, 1450, 1450],
  )
  await network.attach(other, { mtu: 9000 })
  t.equal(link(node, 'cni0')?.mtu, 1450, 'the bridge follows its smallest port')
  t.equal(link(other, 'eth0')?.mtu, 9000)
  await network.attach(node.pod(), { mtu: 0 })
})

t.test('a bridge that was there is taken as it is', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  runSync(['ip', '-n', node.name, 'link', 'add', 'br7', 'type', 'bridge'])
  runSync(['ip', '-n', node.name, 'link', 'set', 'br7', 'mtu', '1400'])
  const before = link(node, 'br7')
  const { stderr } = await makeNetwork(node, { bridge: 'br7', mtu: 1300 }).call('ADD', pod)
  t.match(link(node, 'br7'), { ifindex: before?.ifindex, mtu: 1400 })
  t.ok(link(node, 'br7')?.flags.includes('UP'), 'but set up')
  t.equal(veths(node)[0]?.master, 'br7')
  t.match(stderr, 'bridge br7 has MTU 1400, the pods 1300: larger packets to them are lost')
  t.match(stderr, 'ip link set br7 mtu 1300')
})

t.test('what is no bridge is not taken for one', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  runSync(['ip', '-n', node.name, 'link', 'add', 'br7', 'type', 'veth', 'peer', 'veth7'])
  const before = link(node, 'br7')
  const network = makeNetwork(node, { bridge: 'br7', ipam: fakeIpam(node, {}) })
  t.match(await network.refused('ADD', pod), {
    code: 999,
    msg: 'failed to create bridge "br7": "br7" already exists but is not a bridge',
    details:
      'it is a veth; rename it, or set "bridge" in the network configuration to another name',
  })
  t.match(await network.refused('ADD', pod, { bridge: 'lo' }), {
    msg: 'failed to create bridge "lo": "lo" already exists but is not a bridge',
  })
  t.strictSame(link(node, 'br7'), before)
  t.equal(link(pod, 'eth0'), undefined)
})
