/** VLANs of the bridge plugin, in a kernel that filters them. */
import t from 'tap'
import { makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { bridgeJson, globalCidrs, link, links, ports, reaches } from '../support/ip.ts'
import { fakeIpam, hostLocal } from '../support/ipam.ts'
import { vlanSkip, withoutVlanSkip } from '../support/vlan.ts'

const options = { skip: vlanSkip() }

/** The VLANs of a port, the one of untagged frames marked, as in `1* 101-103`. */
function vlansOf(node: Node, ifName: string | undefined): string {
  const [shown] = bridgeJson<{
    vlans: { vlan: number; vlanEnd?: number; flags?: string[] }[]
  }>(node, 'vlan', 'show', 'dev', ifName ?? '')
  const texts = shown?.vlans.map(({ vlan, vlanEnd, flags = [] }) => {
    const native = ['PVID', 'Egress Untagged'].every((flag) => flags.includes(flag))
    return `${vlan}${vlanEnd ? `-${vlanEnd}` : ''}${native ? '*' : flags.join()}`
  })
  return texts?.join(' ') ?? ''
}

/** The name of the host's end of a pod's eth0. */
const portOf = (node: Node, { containerId }: Pod) =>
  veths(node).find(({ ifalias }) => ifalias === `net1/${containerId}/eth0`)?.ifname

const isFiltering = (node: Node) => link(node, 'cni0')?.linkinfo?.info_data?.['vlan_filtering']

t.test('the VLANs of a port', options, async (t) => {
  for (const [keys, wanted] of [
    [{ vlan: 100 }, '100*'],
    [{ vlan: 100, preserveDefaultVlan: false }, '100*'],
    [{ vlan: 100, preserveDefaultVlan: true }, '1Egress Untagged 100*'],
    [{ vlan: 1 }, '1*'],
    [{ vlanTrunk: [{ id: 101 }, { minID: 200, maxID: 202 }] }, '1* 101 200-202'],
    [{ vlanTrunk: [{ id: 101 }], vlan: 100 }, '100* 101'],
    [{ vlanTrunk: [{ minID: 2, maxID: 4094 }] }, '1* 2-4094'],
    [{ vlanTrunk: [{ id: 101 }], preserveDefaultVlan: true }, '1* 101'],
  ] as const) {
    const node = makeNode(t)
    const pod = node.pod()
    const network = makeNetwork(node, keys)
    const prevResult = await network.attach(pod)
    t.equal(isFiltering(node), 1)
    t.equal(vlansOf(node, portOf(node, pod)), wanted)
    await network.silent('CHECK', pod, { prevResult })
    await network.silent('DEL', pod)
    t.strictSame(veths(node), [])
  }
})

t.test('a bridge that needs no VLANs does not filter them', options, async (t) => {
  for (const keys of [{}, { vlan: 0 }, { vlanTrunk: [] }]) {
    const node = makeNode(t)
    await makeNetwork(node, keys).attach(node.pod())
    t.equal(isFiltering(node), 0)
  }
})

t.test('a bridge that was there is not made to filter', options, async (t) => {
  const node = makeNode(t)
  runSync(['ip', '-n', node.name, 'link', 'add', 'cni0', 'type', 'bridge'])
  const { code, stderr } = await makeNetwork(node, { vlan: 100 }).call('ADD', node.pod())
  t.equal(code, 0)
  t.match(stderr, 'bridge cni0 does not filter VLANs, so "vlan" and "vlanTrunk" have no effect')
  t.match(stderr, 'ip link set cni0 type bridge vlan_filtering 1')
  t.equal(isFiltering(node), 0)
})

t.test('a gateway inside a VLAN', options, async (t) => {
  const node = makeNode(t)
  const [pod, other, elsewhere] = [node.pod(), node.pod(), node.pod()]
  const gateway = { isDefaultGateway: true, ipam: hostLocal(node, '10.1.2.0/24', 'fd00::/64') }
  const network = makeNetwork(node, { ...gateway, vlan: 100 })
  const prevResult = await network.attach(pod)
  const device = link(node, 'cni0.100')
  t.equal(prevResult.interfaces?.length, 4)
  t.strictSame(prevResult.interfaces?.[3], { mac: device?.address, name: 'cni0.100' })
  t.match(device, { linkinfo: { info_kind: 'veth' } })
  t.ok(device?.flags.includes('UP'))
  t.equal(links(node).length, 5, 'lo, the bridge, the pod’s end, and the gateway’s pair')
  t.strictSame(globalCidrs(node, 'cni0.100'), ['10.1.2.1/24', 'fd00::1/64'])
  t.strictSame(globalCidrs(node, 'cni0'), [])
  t.strictSame(
    ports(node, 'cni0').map(({ ifname }) => vlansOf(node, ifname)),
    ['100*', '100*'],
  )
  for (const address of ['10.1.2.1', 'fd00::1']) t.ok(await reaches(pod, address), address)
  await network.silent('CHECK', pod, { prevResult })

  await network.attach(other)
  t.equal(links(node).length, 6, 'the second pod shares the gateway')
  t.ok(await reaches(pod, '10.1.2.3'))
  const layer2 = makeNetwork(node, { vlan: 200 })
  await layer2.attach(elsewhere)
  runSync(['ip', '-n', elsewhere.name, 'address', 'add', '10.1.2.77/24', 'dev', 'eth0'])
  t.notOk(await reaches(elsewhere, '10.1.2.1'), 'another VLAN is another network')

  runSync(['ip', '-n', node.name, 'address', 'delete', '10.1.2.1/24', 'dev', 'cni0.100'])
  t.match(await network.refused('CHECK', pod, { prevResult }), {
    msg: 'Gateway 10.1.2.1 is not an address of cni0',
  })
  for (const each of [pod, other]) await network.silent('DEL', each)
  t.ok(link(node, 'cni0.100'), 'the gateway stays, as the bridge does')
})

t.test('a gateway that is not whole is repaired', options, async (t) => {
  const node = makeNode(t)
  const ipam = hostLocal(node, '10.1.2.0/24')
  const network = makeNetwork(node, { isGateway: true, vlan: 100, ipam })
  await network.attach(node.pod())
  const [, port] = ports(node, 'cni0').map(({ ifname }) => ifname)
  const vlan = (...args: string[]) => runSync(['bridge', '-n', node.name, 'vlan', ...args])
  vlan('delete', 'dev', port ?? '', 'vid', '100')
  vlan('add', 'dev', port ?? '', 'vid', '1', 'pvid', 'untagged')
  runSync(['ip', '-n', node.name, 'link', 'set', 'cni0.100', 'down'])
  const pod = node.pod()
  await network.attach(pod)
  t.equal(vlansOf(node, port), '100*')
  t.ok(await reaches(pod, '10.1.2.1'))
})

t.test('ADDs at once make one gateway', options, async (t) => {
  const node = makeNode(t)
  const ipam = hostLocal(node, '10.1.2.0/24')
  const network = makeNetwork(node, { isGateway: true, vlan: 100, ipam })
  const pods = [node.pod(), node.pod(), node.pod()]
  await Promise.all(pods.map((pod) => network.attach(pod)))
  t.equal(links(node).length, 2 + 3 + 2)
  for (const pod of pods) t.ok(await reaches(pod, '10.1.2.1'))
})

t.test('a failed ADD takes its gateway back, unless a pod uses it', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node, { isGateway: true, vlan: 100 })
  const routes = [{ dst: '10.7.0.0/16', gw: '192.0.2.1' }]
  const failing = { ipam: fakeIpam(node, { ips: [{ address: '10.1.2.9/24' }], routes }) }
  await network.refused('ADD', node.pod(), failing)
  t.equal(links(node).length, 1, 'only lo is left')
  await network.attach(node.pod(), { ipam: hostLocal(node, '10.1.2.0/24') })
  await network.refused('ADD', node.pod(), failing)
  t.equal(links(node).length, 5)
})

t.test('an interface with the gateway’s name that is none', options, async (t) => {
  const node = makeNode(t)
  runSync(['ip', '-n', node.name, 'link', 'add', 'cni0.100', 'type', 'bridge'])
  const ipam = hostLocal(node, '10.1.2.0/24')
  const network = makeNetwork(node, { isGateway: true, vlan: 100, ipam })
  t.match(await network.refused('ADD', node.pod()), {
    msg: 'failed to create vlan interface: "cni0.100": "cni0.100" already exists but is not a veth',
    details: /^it is a bridge; rename it, or /,
  })
  const long = { bridge: 'a-long-name-1' }
  t.match(await network.refused('ADD', node.pod(), long), {
    msg: 'failed to create vlan interface: "a-long-name-1.100": interface name is too long',
  })
})

t.test('a port that left its VLAN is a difference', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeNetwork(node, { vlan: 100, vlanTrunk: [{ id: 101 }] })
  const prevResult = await network.attach(pod)
  const port = portOf(node, pod)
  runSync(['bridge', '-n', node.name, 'vlan', 'delete', 'dev', port ?? '', 'vid', '101'])
  t.match(await network.refused('CHECK', pod, { prevResult }), {
    msg: `Interface ${port} is not in VLAN 101 as configured`,
  })
})

t.test('a kernel without VLAN filtering', { skip: withoutVlanSkip() }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const details = /^this kernel was built without VLAN filtering \(CONFIG_BRIDGE_VLAN_FILTERING\)/
  for (const keys of [{ vlan: 100 }, { vlanTrunk: [{ id: 101 }] }]) {
    t.match(await makeNetwork(node, keys).refused('ADD', pod), {
      msg: 'failed to create bridge "cni0": could not add "cni0": operation not supported',
      details,
    })
  }
  runSync(['ip', '-n', node.name, 'link', 'add', 'cni0', 'type', 'bridge'])
  t.match(await makeNetwork(node, { vlan: 100 }).refused('ADD', pod), {
    msg: /^failed to setup VLANs of veth[0-9a-f]{8}: operation not supported$/,
    details,
  })
  t.strictSame([veths(node), link(pod, 'eth0')], [[], undefined])
})
