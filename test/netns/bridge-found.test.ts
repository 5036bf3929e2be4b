/** A bridge that was there before the plugin came: whose it is, and how a failed ADD leaves it. */
import t from 'tap'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { foundState, makeNetwork } from '../support/bridge-network.ts'
import { link } from '../support/ip.ts'
import { fakeIpam, hostLocal } from '../support/ipam.ts'

const options = { skip: kernelSkip() }

type Ip = (...args: string[]) => string

/** Bridges as an operator leaves them: the arguments of ip(8). */
const found: Readonly<Record<string, (ip: Ip) => unknown>> = {
  'that is down, with an address': (ip) => {
    ip('address', 'add', '10.7.0.9/24', 'dev', 'br0')
    ip('link', 'set', 'br0', 'up') // which gives it a queueing discipline for good
    ip('link', 'set', 'br0', 'down')
  },
  'that is up': (ip) => ip('link', 'set', 'br0', 'up'),
  'that has an alias': (ip) => ip('link', 'set', 'br0', 'alias', 'uplink', 'up'),
  'that has a port': (ip) => {
    ip('link', 'add', 'port', 'type', 'veth', 'peer', 'other')
    ip('link', 'set', 'port', 'master', 'br0', 'up')
    ip('link', 'set', 'br0', 'up')
  },
  'that is promiscuous': (ip) => ip('link', 'set', 'br0', 'promisc', 'on', 'up'),
}

function makeFound(node: Node, prepare: (ip: Ip) => unknown): void {
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'add', 'br0', 'type', 'bridge')
  prepare(ip)
}

for (const [title, prepare] of Object.entries(found)) {
  t.test(`a failed ADD leaves a bridge ${title} as it was`, options, async (t) => {
    for (const fault of ['IPAM', 'sandbox']) {
      const node = makeNode(t)
      const pod = node.pod()
      makeFound(node, prepare)
      const before = foundState(node, 'br0')
      if (fault === 'sandbox') {
        runSync(['ip', '-n', pod.name, 'link', 'add', 'eth0', 'type', 'bridge'])
      }
      const answer = fault === 'IPAM' ? { code: 11, msg: 'none left' } : { ips: [] }
      const network = makeNetwork(node, {
        ...{ bridge: 'br0', isGateway: true, promiscMode: true },
        ipam: fakeIpam(node, answer),
      })
      await network.refused('ADD', pod)
      t.strictSame(foundState(node, 'br0'), before, fault)
    }
  })
}

t.test('the alias tells who has made a bridge', options, async (t) => {
  for (const [alias, prepare] of [
    ['cni joined gateway 10.1.2.1/24', found['that is up']],
    ['cni joined gateway 10.1.2.1/24', found['that has a port']],
    ['uplink', found['that has an alias']],
  ] as const) {
    const node = makeNode(t)
    if (prepare !== undefined) makeFound(node, prepare)
    const ipam = hostLocal(node, '10.1.2.0/24')
    const network = makeNetwork(node, { bridge: 'br0', isGateway: true, ipam })
    for (const pod of [node.pod(), node.pod()]) {
      await network.attach(pod)
      t.match(link(node, 'br0'), { ifalias: alias })
    }
  }
})

t.test('many ADDs at once know the bridge for theirs', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node, { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24') })
  await Promise.all(Array.from({ length: 8 }, () => network.attach(node.pod())))
  t.equal(link(node, 'cni0')?.ifalias, 'cni gateway 10.1.2.1/24')
})

t.test('a bridge as Go’s plugin leaves it is taken over', options, async (t) => {
  const node = makeNode(t)
  const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
  ip('link', 'add', 'cni0', 'up', 'type', 'bridge')
  ip('address', 'add', '10.1.2.1/24', 'broadcast', '+', 'dev', 'cni0')
  const network = makeNetwork(node, { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24') })
  await network.attach(node.pod())
  t.equal(link(node, 'cni0')?.ifalias, 'cni')
})

t.test('pods of a bridge keep it when another ADD fails', options, async (t) => {
  const node = makeNode(t)
  const down = found['that is down, with an address']
  if (down !== undefined) makeFound(node, down)
  const ipam = hostLocal(node, '10.7.0.0/24')
  const network = makeNetwork(node, { bridge: 'br0', ipam })
  const pods = Array.from({ length: 6 }, () => node.pod())
  const taken = pods.slice(3)
  for (const { name } of taken) runSync(['ip', '-n', name, 'link', 'add', 'eth0', 'type', 'bridge'])
  const replies = await Promise.all(pods.map((pod) => network.call('ADD', pod)))
  t.strictSame(
    replies.map(({ code }) => code),
    [0, 0, 0, 1, 1, 1],
  )
  t.match(link(node, 'br0'), { flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'] })
})
