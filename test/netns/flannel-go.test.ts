/** The flannel plugin with Go's bridge and host-local for its delegates. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { globalCidrs, link, reaches } from '../support/ip.ts'
import { kernelSkip, makeNode } from '../support/node.ts'

const goPlugins = '/usr/lib/cni'
const skip =
  kernelSkip() ||
  (!existsSync(`${goPlugins}/bridge`) &&
    'Go’s plugins are not installed: apt-get install containernetworking-plugins')

const subnetEnv =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
  'FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244:0:1::1/64\n' +
  'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'
const call = { path: goPlugins }

t.test('they do what flannel says', { skip }, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv, { cniVersion: '1.0.0' })
  const prevResult = await network.attach(pod, {}, call)
  t.strictSame(globalCidrs(pod, 'eth0'), ['10.244.1.2/24', 'fd00:244:0:1::2/64'])
  t.equal(link(pod, 'eth0')?.mtu, 1450)
  t.ok(await reaches(pod, '10.244.1.1'))
  // No CHECK: Go's bridge never finds the routes that have no gateway of their own.
  await network.silent('DEL', pod, { prevResult }, call)
  t.strictSame([network.saved(), network.reserved()], [{}, []])
  t.equal(link(pod, 'eth0'), undefined)
})

t.test('a DEL of which nothing is known any more frees the addresses', { skip }, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv, { cniVersion: '1.0.0' })
  for (const netns of [undefined, '']) {
    const pod = node.pod()
    await network.attach(pod, {}, call)
    t.equal(network.reserved().length, 2)
    network.forget()
    network.writeSubnetEnv(undefined)
    await network.silent('DEL', pod, {}, { ...call, ...(netns === '' && { netns }) })
    t.strictSame(network.reserved(), [])
    network.writeSubnetEnv(subnetEnv)
  }
})
