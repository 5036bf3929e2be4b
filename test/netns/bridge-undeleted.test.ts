/** A link that the kernel does not delete: its address is nobody else's as long as it is there. */
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link } from '../support/ip.ts'
import { fakeIpam, fakeIpamCalls, hostLocal, reserved } from '../support/ipam.ts'
import type { Network } from '../support/network.ts'
import { type Argv, recorded, recording, straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() || straceSkip() }

/** The same call twice, the second time with a kernel that deletes no link. */
async function fail(node: Node, call: (pod: Pod, argv: Argv) => Promise<unknown>, pods: Pod[]) {
  const [first, second] = pods
  if (first === undefined || second === undefined) throw new Error('two pods are needed')
  const run = { dir: node.dir, containerId: first.containerId }
  await call(first, recording(run))
  const nth = recorded(run).find(({ object }) => object === 'RTM_DELLINK')?.nth
  if (nth === undefined) throw new Error('no link was deleted')
  const inject = `inject=sendto:error=ENOBUFS:when=${nth}+`
  const strace = ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=sendto', '-e', inject]
  return call(second, (executable) => [...strace, executable])
}

function setUp(node: Node): { network: Network; pods: Pod[] } {
  const network = makeNetwork(node, { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24') })
  return { network, pods: [node.pod(), node.pod()] }
}

t.test('DEL keeps the address, and a second one releases it', options, async (t) => {
  const node = makeNode(t)
  const { network, pods } = setUp(node)
  for (const pod of pods) await network.attach(pod)
  const reply = await fail(node, (pod, argv) => network.call('DEL', pod, {}, { argv }), pods)
  t.match(reply, { code: 1, json: { msg: /^failed to delete "eth0": / } })
  const [, pod] = pods
  t.strictSame(pod && globalCidrs(pod, 'eth0'), ['10.1.2.3/24'])
  t.strictSame(reserved(node), ['10.1.2.3'])
  if (pod !== undefined) await network.silent('DEL', pod)
  t.strictSame([veths(node), reserved(node)], [[], []])
})

t.test('an ADD that fails keeps the address for the DEL that follows', options, async (t) => {
  const node = makeNode(t)
  const { network, pods } = setUp(node)
  const routes = [{ dst: '10.7.0.0/16', gw: '192.0.2.1' }]
  const ipam = { ...hostLocal(node, '10.1.2.0/24'), routes }
  const reply = await fail(node, (pod, argv) => network.call('ADD', pod, { ipam }, { argv }), pods)
  t.match(reply, { code: 1, stderr: /rollback: IPAM plugin host-local: / })
  t.equal(veths(node).length, 1)
  t.strictSame(reserved(node), ['10.1.2.3'])
  const [, pod] = pods
  if (pod !== undefined) await network.silent('DEL', pod)
  t.strictSame([veths(node), reserved(node)], [[], []])
})

t.test('GC leaves the addresses to the next one', options, async (t) => {
  const node = makeNode(t)
  const pods = [node.pod(), node.pod()]
  const network = makeNetwork(node, {
    ipam: fakeIpam(node, { ips: [{ address: '10.1.2.3/24' }] }),
    'cni.dev/valid-attachments': [],
  })
  const noAttachment = { containerId: '', netns: '', ifName: '' }
  const reply = await fail(
    node,
    async (pod, argv) => {
      await network.attach(pod)
      fakeIpamCalls(node)
      return network.call('GC', pod, {}, { ...noAttachment, argv })
    },
    pods,
  )
  t.match(reply, { code: 1 })
  t.strictSame(fakeIpamCalls(node), [])
  t.equal(veths(node).length, 1)
  const [pod] = pods
  if (pod !== undefined) await network.silent('GC', pod, {}, noAttachment)
  t.strictSame([veths(node).length, fakeIpamCalls(node)], [0, ['GC']])
})

t.test('a sandbox that cannot be opened may have the link', options, async (t) => {
  const node = makeNode(t)
  const { network, pods } = setUp(node)
  const [pod] = pods
  if (pod === undefined) return
  await network.attach(pod)
  // Go’s plugin gives the host’s end a random name, by which nobody finds it.
  const [port] = veths(node)
  for (const change of [['down'], ['alias', ''], ['name', 'veth9'], ['up']]) {
    runSync([
      'ip',
      '-n',
      node.name,
      'link',
      'set',
      change[0] === 'up' ? 'veth9' : (port?.ifname ?? ''),
      ...change,
    ])
  }
  const strace = ['strace', '-qq', '-o', '/dev/null', '-P', pod.netns]
  const inject = ['-e', 'trace=openat', '-e', 'inject=openat:error=EMFILE']
  const argv = (executable: string) => [...strace, ...inject, executable]
  t.match(await network.call('DEL', pod, {}, { argv }), { code: 1 })
  t.strictSame([reserved(node), link(pod, 'eth0')?.ifname], [['10.1.2.2'], 'eth0'])
  await network.silent('DEL', pod)
  t.strictSame([veths(node), reserved(node)], [[], []])
})
