/** MACs: a bridge keeps its own for life, and a container gets the one it asks for. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { kernelSkip, makeNode, type Node } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { link, ports } from '../support/ip.ts'
import { fakeIpam, hostLocal } from '../support/ipam.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }

const macOf = (node: Node, name = 'cni0') => link(node, name)?.address

/** Networks with and without a gateway: the second one never touches the bridge's addresses. */
function networks(node: Node) {
  const gateway = { isGateway: true, ipam: hostLocal(node, '10.1.2.0/24', 'fd00::/64') }
  return [makeNetwork(node, gateway), makeNetwork(node)]
}

/** Makes a bridge as a person does, and returns its MAC. */
function makeBridge(node: Node, ...args: string[]): string | undefined {
  runSync(['ip', '-n', node.name, 'link', 'add', 'cni0', ...args, 'type', 'bridge'])
  return macOf(node)
}

/** Adds a port with this MAC to the bridge. */
function addPort(node: Node, name: string, mac: string): void {
  const veth = ['type', 'veth', 'peer', `${name}p`]
  runSync(['ip', '-n', node.name, 'link', 'add', name, 'address', mac, ...veth])
  runSync(['ip', '-n', node.name, 'link', 'set', name, 'master', 'cni0', 'up'])
}

t.test('a bridge of ours', options, async (t) => {
  for (const index of [0, 1]) {
    const node = makeNode(t)
    const [network] = networks(node).slice(index)
    const pods = Array.from({ length: 4 }, () => node.pod())
    const results = []
    for (const pod of pods) results.push(await network?.attach(pod))
    const mac = macOf(node)
    t.match(mac, /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/)
    for (const result of results) t.equal(result?.interfaces?.[0]?.mac, mac)
    for (const pod of pods) {
      await network?.silent('DEL', pod)
      t.equal(macOf(node), mac)
    }
    await network?.attach(node.pod())
    t.equal(macOf(node), mac, 'also when it had no port for a while')
  }
})

t.test('a bridge that was made without a MAC', options, async (t) => {
  for (const index of [0, 1]) {
    const node = makeNode(t)
    const mac = makeBridge(node)
    const [network] = networks(node).slice(index)
    const [pod, other] = [node.pod(), node.pod()]
    for (const each of [pod, other]) {
      const result = await network?.attach(each)
      t.equal(macOf(node), mac)
      t.equal(result?.interfaces?.[0]?.mac, mac)
    }
    for (const each of [pod, other]) await network?.silent('DEL', each)
    t.equal(macOf(node), mac)
  }
})

t.test('a bridge that was made with a MAC', options, async (t) => {
  const node = makeNode(t)
  const mac = makeBridge(node, 'address', '0a:00:00:00:00:07')
  const [network] = networks(node)
  const pod = node.pod()
  await network?.attach(pod)
  t.equal(macOf(node), mac)
  await network?.silent('DEL', pod)
  t.equal(macOf(node), mac)
})

t.test('a bridge that has lost its last port, and its MAC with it', options, async (t) => {
  for (const index of [0, 1]) {
    const node = makeNode(t)
    makeBridge(node)
    addPort(node, 'port1', '0a:00:00:00:00:01')
    runSync(['ip', '-n', node.name, 'link', 'delete', 'port1'])
    t.equal(macOf(node), '00:00:00:00:00:00', 'what the kernel does')
    const [network] = networks(node).slice(index)
    const [pod, other] = [node.pod(), node.pod()]
    const result = await network?.attach(pod)
    const mac = macOf(node)
    t.equal(result?.interfaces?.[0]?.mac, mac)
    t.not(mac, '00:00:00:00:00:00')
    t.not(mac, ports(node, 'cni0')[0]?.address, 'it has got one of its own')
    await network?.attach(other)
    for (const each of [pod, other]) await network?.silent('DEL', each)
    t.equal(macOf(node), mac)
  }
})

t.test('a bridge that follows the port of another plugin', options, async (t) => {
  const node = makeNode(t)
  makeBridge(node)
  addPort(node, 'port1', '06:00:00:00:00:01')
  addPort(node, 'port2', '0a:00:00:00:00:02')
  const mac = macOf(node)
  t.equal(mac, '06:00:00:00:00:01', 'what the kernel does')
  const [, network] = networks(node)
  const pod = node.pod()
  await network?.attach(pod)
  t.equal(macOf(node), mac)
  runSync(['ip', '-n', node.name, 'link', 'delete', 'port1'])
  t.equal(macOf(node), mac, 'its MAC survives the port')
  await network?.silent('DEL', pod)
  t.equal(macOf(node), mac)
})

t.test('many ADDs at once on a bridge that was made without a MAC', options, async (t) => {
  const node = makeNode(t)
  const mac = makeBridge(node)
  const [network] = networks(node)
  const pods = Array.from({ length: 4 }, () => node.pod())
  const results = await Promise.all(pods.map((pod) => network?.attach(pod)))
  t.equal(macOf(node), mac)
  for (const result of results) t.equal(result?.interfaces?.[0]?.mac, mac)
})

/** Messages of an ADD to the kernel from its look at the bridge to the one behind the pair. */
const joining = [1, 2, 3, 4, 5]

t.test(
  'an ADD that is slow in joining a bridge that was made without a MAC',
  { skip: kernelSkip() || straceSkip() },
  async (t) => {
    await Promise.all(
      [false, true].flatMap((isZero) =>
        joining.map(async (nth) => {
          const node = makeNode(t)
          makeBridge(node)
          if (isZero) {
            addPort(node, 'port1', '0a:00:00:00:00:01')
            runSync(['ip', '-n', node.name, 'link', 'delete', 'port1'])
          }
          const [network] = networks(node)
          const late = `inject=sendto:delay_enter=3000000:when=${nth}` // µs
          const strace = ['strace', '-qq', '-o', '/dev/null', '-e', 'trace=sendto', '-e', late]
          const slow = network?.attach(node.pod(), {}, { argv: (file) => [...strace, file] })
          await sleep(1500)
          const fast = await network?.attach(node.pod())
          const macs = [await slow, fast].map((result) => result?.interfaces?.[0]?.mac)
          const about = `late at message ${nth}${isZero ? ' without any MAC' : ''}`
          t.strictSame(macs, [macOf(node), macOf(node)], about)
        }),
      ),
    )
  },
)

t.test('a bridge that has an alias of somebody else keeps it, and its MAC', options, async (t) => {
  const node = makeNode(t)
  const mac = makeBridge(node)
  runSync(['ip', '-n', node.name, 'link', 'set', 'cni0', 'alias', 'uplink of rack 7'])
  const [network] = networks(node)
  for (const pod of [node.pod(), node.pod()]) {
    const result = await network?.attach(pod)
    t.equal(result?.interfaces?.[0]?.mac, mac)
    t.match(link(node, 'cni0'), { address: mac, ifalias: 'uplink of rack 7' })
  }
})

t.test('a requested MAC', options, async (t) => {
  const node = makeNode(t)
  const network = makeNetwork(node)
  const [runtime, conf, args] = ['0a:00:00:00:00:01', '0a:00:00:00:00:02', '0a:00:00:00:00:03']
  const inConf = { args: { cni: { mac: conf } } }
  const inRuntime = { runtimeConfig: { mac: runtime } }
  for (const [wanted, keys, call] of [
    [runtime, { ...inConf, ...inRuntime }, { args: `MAC=${args}` }],
    [conf, inConf, { args: `MAC=${args}` }],
    [args, {}, { args: `MAC=${args}` }],
    [runtime, { runtimeConfig: { mac: '0A-00-00-00-00-01' } }, {}],
  ] as const) {
    const pod = node.pod()
    const { interfaces } = await network.attach(pod, keys, call)
    t.equal(link(pod, 'eth0')?.address, wanted)
    t.equal(interfaces?.[2]?.mac, wanted)
    t.not(veths(node).at(-1)?.address, wanted, 'the host’s end has one of its own')
    await network.silent('DEL', pod, keys, call)
  }
})

t.test('a MAC that is none', options, async (t) => {
  const node = makeNode(t)
  const ipam = fakeIpam(node, {})
  for (const mac of ['zz', '01:00:5e:00:00:01', '0a:00:00:00:00:01:02:03']) {
    const error = await makeNetwork(node, { ipam }).refused('ADD', node.pod(), {
      runtimeConfig: { mac },
    })
    t.match(error, { code: 7, msg: `address ${mac}: invalid MAC address` })
  }
  t.equal(link(node, 'cni0'), undefined)
})
