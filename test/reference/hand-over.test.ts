/**
 * Nodes that change from the Go plugins to ours, or back, while their pods run: what one has added
 * the other checks and deletes, and both serve one network at the same time.
 */
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { makeNode, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { inside, runSync } from '../../scripts/lab/run.ts'
import { link, ports, reaches } from '../support/ip.ts'
import { hostLocal, reserved } from '../support/ipam.ts'
import { callPlugin, type Output } from '../support/plugin-call.ts'
import { goDir, referenceSkip } from './go-plugins.ts'

const options = { skip: referenceSkip() }

type Side = 'go' | 'ours'
const directions: readonly (readonly [first: Side, second: Side])[] = [
  ['go', 'ours'],
  ['ours', 'go'],
]

interface Subnets {
  readonly subnets: readonly string[]
  /** The addresses of the bridge, and of the first two pods. */
  readonly gateways: readonly string[]
  readonly pods: readonly [readonly string[], readonly string[]]
}

const v4: Subnets = {
  subnets: ['10.1.2.0/24'],
  gateways: ['10.1.2.1'],
  pods: [['10.1.2.2'], ['10.1.2.3']],
}
const v6: Subnets = {
  subnets: ['fd00::/64'],
  gateways: ['fd00::1'],
  pods: [['fd00::2'], ['fd00::3']],
}
const dual: Subnets = {
  subnets: [...v4.subnets, ...v6.subnets],
  gateways: [...v4.gateways, ...v6.gateways],
  pods: [
    [...v4.pods[0], ...v6.pods[0]],
    [...v4.pods[1], ...v6.pods[1]],
  ],
}

/** A network of a node that either side serves, with the plugins of a chain. */
function makeNetwork(scope: Scope, { subnets }: Subnets, conf: object = {}) {
  const node = makeNode(scope)
  const common = { cniVersion: '1.0.0', name: 'net1' }
  const plugins: Readonly<Record<string, object>> = {
    bridge: { isDefaultGateway: true, ipMasq: true, ipam: hostLocal(node, ...subnets), ...conf },
    portmap: {
      dataDir: join(node.dir, 'portmap'),
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }] },
    },
  }
  const results = new Map<Pod, Output>()
  /** Calls a plugin of one side; rejects when it refuses. */
  async function call(side: Side, plugin: string, command: string, pod: Pod): Promise<void> {
    const folder = side === 'go' ? goDir : binDir()
    const prevResult = results.get(pod)
    const { code, stdout, json } = await callPlugin(node, plugin, {
      ...{ command, containerId: pod.containerId, netns: pod.netns, ifName: 'eth0', path: folder },
      conf: { ...common, type: plugin, ...plugins[plugin], ...(prevResult && { prevResult }) },
      argv: () => [join(folder, plugin)],
    })
    if (code !== 0) throw new Error(`${command} of ${side}’s ${plugin}: ${stdout}`)
    if (command === 'ADD') results.set(pod, json)
  }
  const save = (program: string) =>
    runSync(inside(node.netns, [program, '-t', 'nat']))
      .split('\n')
      .filter((line) => line.startsWith('-A') || line.startsWith(':CNI-'))
  return {
    node,
    call,
    /** The rules of both families. */
    rules: () => [...save('iptables-save'), ...save('ip6tables-save')],
  }
}

for (const [name, subnets] of Object.entries({ v4, v6, dual })) {
  for (const [first, second] of directions) {
    t.test(`${name}: pods of ${first} in the hands of ${second}`, options, async (t) => {
      const { node, call, rules } = makeNetwork(t, subnets)
      const [old, young] = [node.pod(), node.pod()]
      await call(first, 'bridge', 'ADD', old)
      const mac = link(node, 'cni0')?.address
      await call(second, 'bridge', 'CHECK', old)
      await call(second, 'bridge', 'ADD', young)
      t.equal(link(node, 'cni0')?.address, mac, 'the bridge keeps its MAC')
      t.strictSame(reserved(node).sort(), subnets.pods.flat().sort())
      for (const address of subnets.pods[0]) t.ok(await reaches(young, address), address)
      for (const address of subnets.pods[1]) t.ok(await reaches(old, address), address)
      for (const address of subnets.gateways) t.ok(await reaches(old, address), address)

      await call(first, 'bridge', 'CHECK', young)
      await call(second, 'bridge', 'DEL', old)
      t.equal(ports(node, 'cni0').length, 1)
      t.strictSame(reserved(node).sort(), subnets.pods[1].toSorted())
      for (const address of subnets.gateways) t.ok(await reaches(young, address), 'still')
      await call(first, 'bridge', 'DEL', young)
      await call(first, 'bridge', 'DEL', old)
      t.strictSame([ports(node, 'cni0'), reserved(node), rules()], [[], [], []])
    })
  }
}

t.test('an attachment that the other side has is not added again', options, async (t) => {
  for (const [first, second] of directions) {
    const { node, call } = makeNetwork(t, v4)
    const pod = node.pod()
    await call(first, 'bridge', 'ADD', pod)
    await t.rejects(call(second, 'bridge', 'ADD', pod), /eth0.* already exists/)
    await call(first, 'bridge', 'CHECK', pod)
    t.strictSame(reserved(node), v4.pods[0])
    t.ok(await reaches(pod, '10.1.2.1'), 'and works on')
  }
})

t.test('pods whose sandbox is gone', options, async (t) => {
  for (const [first, second] of directions) {
    const { node, call } = makeNetwork(t, dual, { ipMasq: false })
    const pod = node.pod()
    await call(first, 'bridge', 'ADD', pod)
    runSync(['ip', 'netns', 'delete', pod.name])
    await call(second, 'bridge', 'DEL', pod)
    t.strictSame(reserved(node), [], `${second} releases the addresses of ${first}`)
  }
})

t.test('the check of MACs', options, async (t) => {
  for (const [first, second] of directions) {
    const { node, call } = makeNetwork(t, v4, { macspoofchk: true })
    const [old, young] = [node.pod(), node.pod()]
    const chains = () =>
      runSync(inside(node.netns, ['nft', 'list', 'ruleset'])).match(/chain cni-br-iface-\S+/g)
    await call(first, 'bridge', 'ADD', old)
    await call(second, 'bridge', 'ADD', young)
    t.equal(chains()?.length, 4)
    t.ok(await reaches(old, '10.1.2.3'))
    await call(second, 'bridge', 'DEL', old)
    t.equal(chains()?.length, 2)
    t.ok(await reaches(young, '10.1.2.1'))
    await call(first, 'bridge', 'DEL', young)
    t.equal(chains(), null)
  }
})

t.test('host ports', options, async (t) => {
  for (const [first, second] of directions) {
    const { node, call, rules } = makeNetwork(t, dual, { ipMasq: false })
    const pod = node.pod()
    await call(first, 'bridge', 'ADD', pod)
    await call(first, 'portmap', 'ADD', pod)
    const before = rules()
    await call(second, 'portmap', 'ADD', pod)
    t.strictSame(rules(), before, `${second} has nothing to add to the rules of ${first}`)
    // Go's 1.1 looks for the rules of either family in both, and does not find even its own.
    await call('ours', 'portmap', 'CHECK', pod)
    await call(second, 'portmap', 'DEL', pod)
    t.notMatch(rules().join('\n'), /CNI-DN-/)
    await call(second, 'bridge', 'DEL', pod)
    t.strictSame(reserved(node), [])
  }
})
