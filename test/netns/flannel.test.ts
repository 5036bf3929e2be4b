/** The flannel plugin with its own bridge and host-local: what a pod's life leaves in the kernel. */
import t, { type Test } from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { veths } from '../support/bridge-network.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { bridgeJson, globalCidrs, link, links, reaches, routes } from '../support/ip.ts'

const options = { skip: kernelSkip() }

const v4 = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n'
const v6 = 'FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\n'
const rest = 'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

/** What a node with this subnet.env gives its first pod. */
interface Case {
  readonly env: string
  /** `ranges` and `routes` of the saved configuration. */
  readonly ranges: string
  readonly routes: string
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
  /** The destinations of the pod's routes but for its own subnets. */
  readonly destinations: readonly string[]
}

const only4: Case = {
  env: v4,
  ranges: '[{"subnet":"10.244.1.0/24"}]',
  routes: '{"dst":"10.244.0.0/16"}',
  addresses: ['10.244.1.2/24'],
  gateways: ['10.244.1.1/24'],
  destinations: ['default', '10.244.0.0/16'],
}

const only6: Case = {
  env: v6,
  ranges: '[{"subnet":"fd00:244:0:1::/64"}]',
  routes: '{"dst":"fd00:244::/48"}',
  addresses: ['fd00:244:0:1::2/64'],
  gateways: ['fd00:244:0:1::1/64'],
  destinations: ['fd00:244::/48', 'default'],
}

const cases: Readonly<Record<string, Case>> = {
  IPv4: only4,
  'IPv4 with two networks': {
    ...only4,
    env: `${v4}FLANNEL_NETWORK=10.244.0.0/16,192.168.128.0/17\n`,
    routes: '{"dst":"10.244.0.0/16"},{"dst":"192.168.128.0/17"}',
    destinations: ['default', '10.244.0.0/16', '192.168.128.0/17'],
  },
  IPv6: only6,
  'both families': {
    env: v4 + v6,
    ranges: `${only4.ranges},${only6.ranges}`,
    routes: `${only4.routes},${only6.routes}`,
    addresses: [...only4.addresses, ...only6.addresses],
    gateways: [...only4.gateways, ...only6.gateways],
    destinations: [...only4.destinations, ...only6.destinations],
  },
}

const isLinkLocal = (dst: string) => dst.startsWith('fe80:') || dst.startsWith('ff00:')
const withoutPrefix = (cidr: string) => cidr.replace(/\/.*/, '')

/** The destinations of the pod's routes, those of its own subnets and of links left out. */
function destinations(pod: Pod): string[] {
  return [...routes(pod, 4), ...routes(pod, 6)]
    .filter(({ dst, protocol }) => protocol !== 'kernel' && !isLinkLocal(dst))
    .map(({ dst }) => dst)
}

/** The kernel has what the configuration says, for the first pod of a node. */
function checkKernel(t: Test, node: Node, pod: Pod, expected: Case): void {
  t.strictSame(globalCidrs(pod, 'eth0'), expected.addresses)
  t.strictSame(globalCidrs(node, 'cni0'), expected.gateways)
  t.strictSame(destinations(pod), expected.destinations)
  const [port] = veths(node)
  for (const each of [port, link(pod, 'eth0'), link(node, 'cni0')]) t.equal(each?.mtu, 1450)
  t.match(bridgeJson(node, 'link', 'show', 'dev', port?.ifname ?? ''), [
    { master: 'cni0', hairpin: true },
  ])
}

for (const [name, expected] of Object.entries(cases)) {
  t.test(name, options, async (t) => {
    const node = makeNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    const network = makeFlannelNetwork(node, expected.env + rest)
    const savedConf =
      '{"cniVersion":"1.1.0","hairpinMode":true,"ipMasq":false,' +
      `"ipam":{"dataDir":"${node.dir}/networks","ranges":[${expected.ranges}],` +
      `"routes":[${expected.routes}],"type":"host-local"},` +
      '"isDefaultGateway":true,"isGateway":true,"mtu":1450,"name":"cbr0","type":"bridge"}'

    const prevResult = await network.attach(pod)
    t.strictSame(
      prevResult.ips?.map(({ address }) => address),
      expected.addresses,
    )
    t.strictSame(network.saved(), { [pod.containerId]: savedConf })
    t.strictSame(network.reserved(), expected.addresses.map(withoutPrefix).sort())
    checkKernel(t, node, pod, expected)

    await network.attach(other)
    for (const gateway of expected.gateways) {
      t.ok(await reaches(pod, withoutPrefix(gateway)), 'the pod reaches its gateway')
    }
    for (const cidr of globalCidrs(other, 'eth0')) {
      t.ok(await reaches(pod, withoutPrefix(cidr)), 'the pod reaches the other one')
    }
    await network.silent('DEL', other)

    await network.silent('CHECK', pod, { prevResult })
    await network.silent('DEL', pod, { prevResult })
    t.strictSame(network.saved(), {})
    t.strictSame(network.reserved(), [])
    t.equal(link(pod, 'eth0'), undefined)
    t.strictSame(
      links(node).map(({ ifname }) => ifname),
      ['lo', 'cni0'],
    )
    await network.silent('DEL', pod, { prevResult })
    await network.silent('DEL', pod, {}, { netns: '' })
  })
}

t.test('every version of the specification', options, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, v4 + rest)
  for (const cniVersion of ['', '0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
    const pod = node.pod()
    const keys = { cniVersion: cniVersion === '' ? undefined : cniVersion }
    const result = await network.attach(pod, keys)
    t.equal(result.cniVersion, cniVersion === '' ? '0.1.0' : cniVersion)
    const [address = ''] = globalCidrs(pod, 'eth0')
    t.equal(result.ip4?.ip ?? result.ips?.[0]?.address, address)
    const saved = network.saved()[pod.containerId]
    t.equal(saved?.includes('cniVersion'), cniVersion !== '', 'the delegate has it, or has none')
    await network.silent('DEL', pod, keys)
  }
  t.strictSame(network.saved(), {})
  t.strictSame(network.reserved(), [])
})
