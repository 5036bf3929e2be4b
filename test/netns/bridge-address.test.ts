/** The address of the bridge, when the node has another subnet than before. */
import t from 'tap'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link, reaches } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls } from '../support/ipam.ts'
import { kernelSkip, makeNode, type Node } from '../support/node.ts'
import { runSync } from '../support/run.ts'

const options = { skip: kernelSkip() }

/** A network whose pods get these addresses, with their gateways. */
function networkOf(node: Node, ...ips: { address: string; gateway?: string }[]) {
  return makeNetwork(node, { isGateway: true, ipam: fakeIpam(node, { ips }) })
}

const v4 = { address: '10.1.2.5/24' }
const otherV4 = { address: '10.1.3.5/24' }
const v6 = { address: 'fd00::5/64' }
const widerV6 = { address: 'fd00::6/56', gateway: 'fd00::2' }
const otherV6 = { address: 'fd01::5/64' }

/** The pods' address before and after, and what the bridge has with forceAddress. */
const conflicts = [
  {
    title: 'another IPv4 subnet',
    before: v4,
    after: otherV4,
    has: '10.1.2.1/24',
    gets: '10.1.3.1/24',
  },
  {
    title: 'the same IPv4 subnet with another gateway',
    before: v4,
    after: { address: '10.1.2.6/24', gateway: '10.1.2.254' },
    has: '10.1.2.1/24',
    gets: '10.1.2.254/24',
  },
  {
    title: 'an overlapping IPv6 subnet',
    before: v6,
    after: widerV6,
    has: 'fd00::1/64',
    gets: 'fd00::2/56',
  },
]

for (const { title, before, after, has, gets } of conflicts) {
  t.test(`${title} while pods use the old one`, options, async (t) => {
    const node = makeNode(t)
    const [pod, other, late] = [node.pod(), node.pod(), node.pod()]
    const network = networkOf(node, before)
    await network.attach(pod)
    const twice = { ...before, address: before.address.replace('5', '9') }
    await networkOf(node, twice).attach(other)

    networkOf(node, after)
    fakeIpamCalls(node)
    const refused = await network.refused('ADD', late)
    t.strictSame(refused, {
      code: 999,
      msg: `failed to set bridge addr: "cni0" already has an IP address different from ${gets}`,
      details:
        `it has ${has}, and 2 running pods hold it: this node got a new subnet while pods of the ` +
        'old one still run. Drain the node or delete these pods, and the address is replaced by ' +
        'itself; or set "forceAddress": true, which cuts them off',
    })
    t.strictSame(globalCidrs(node, 'cni0'), [has], 'the address stays')
    t.strictSame([veths(node).length, link(late, 'eth0')], [2, undefined], 'nothing else is left')
    t.strictSame(fakeIpamCalls(node), ['ADD', 'DEL'])

    const { code, stderr } = await network.call('ADD', late, { forceAddress: true })
    t.equal(code, 0)
    t.match(
      stderr,
      `bridge: ADD ${late.containerId}/eth0: warning: ` +
        `replacing address ${has} of cni0 by ${gets}: forceAddress is set\n`,
    )
    t.strictSame(globalCidrs(node, 'cni0'), [gets])
    t.ok(await reaches(late, gets.replace(/\/.*/, '')))
  })
}

t.test('a disjoint IPv6 subnet is no conflict', options, async (t) => {
  for (const forceAddress of [false, true]) {
    const node = makeNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    await networkOf(node, v6).attach(pod, { forceAddress })
    await networkOf(node, otherV6).attach(other, { forceAddress })
    t.strictSame(globalCidrs(node, 'cni0').sort(), ['fd00::1/64', 'fd01::1/64'])
    t.ok(await reaches(pod, 'fd00::1'))
    t.ok(await reaches(other, 'fd01::1'))
  }
})

t.test('a stale address is replaced when no pod uses it', options, async (t) => {
  for (const { before, after, has, gets } of conflicts) {
    const node = makeNode(t)
    const [pod, late] = [node.pod(), node.pod()]
    const network = networkOf(node, before)
    await network.attach(pod)
    await network.silent('DEL', pod)
    t.strictSame(globalCidrs(node, 'cni0'), [has])

    networkOf(node, after)
    const { code, stderr } = await network.call('ADD', late)
    t.equal(code, 0)
    t.match(stderr, `warning: replacing address ${has} of cni0 by ${gets}: no pod uses it\n`)
    t.strictSame(globalCidrs(node, 'cni0'), [gets])
    t.ok(await reaches(late, gets.replace(/\/.*/, '')))
  }
})

t.test('a port that is down uses no address', options, async (t) => {
  const node = makeNode(t)
  const [pod, late] = [node.pod(), node.pod()]
  const network = networkOf(node, v4)
  await network.attach(pod)
  runSync(['ip', '-n', pod.name, 'link', 'set', 'eth0', 'down'])
  networkOf(node, otherV4)
  const { code, stderr } = await network.call('ADD', late)
  t.equal(code, 0)
  t.match(stderr, 'no pod uses it')
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.3.1/24'])
})

t.test('one pod is one pod', options, async (t) => {
  const node = makeNode(t)
  const network = networkOf(node, v4)
  await network.attach(node.pod())
  networkOf(node, otherV4)
  const { details } = await network.refused('ADD', node.pod())
  t.match(details, 'and 1 running pod holds it')
})

t.test('several addresses of one attachment are no conflict', options, async (t) => {
  const node = makeNode(t)
  const [pod, other] = [node.pod(), node.pod()]
  const network = networkOf(node, v4, otherV4, v6, otherV6)
  const wanted = ['10.1.2.1/24', '10.1.3.1/24', 'fd00::1/64', 'fd01::1/64']
  await network.attach(pod)
  t.strictSame(globalCidrs(node, 'cni0').sort(), wanted)
  for (const address of ['10.1.2.1', '10.1.3.1', 'fd00::1', 'fd01::1']) {
    t.ok(await reaches(pod, address), address)
  }
  networkOf(node, { address: '10.1.2.6/24' }, { address: '10.1.3.6/24' })
  await network.attach(other)
  t.strictSame(globalCidrs(node, 'cni0').sort(), wanted)
})

t.test('an address that a person gave the bridge', options, async (t) => {
  const node = makeNode(t)
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'add', 'cni0', 'type', 'bridge')
  ip('address', 'add', '10.1.2.1/24', 'dev', 'cni0')
  const network = networkOf(node, v4)
  await network.attach(node.pod())
  t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24'], 'is taken when it is the wanted one')
})
