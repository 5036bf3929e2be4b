/** Host ports that change hands between the Go plugin and ours; the Go one has iptables only. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { kernelSkip, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { rulesOf, tracesOf } from '../support/portmap-rules.ts'
import { goPlugin, makePortmapNode, type PortmapNode, ports } from '../support/portmap.ts'

const skip =
  kernelSkip() || (!existsSync(goPlugin) && 'containernetworking-plugins is not installed')

const mappings = ports(
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 8081, containerPort: 81, hostIP: '192.0.2.1' },
  { hostPort: 8082, containerPort: 82, hostIP: '2001:db8::1' },
  { hostPort: 8083, containerPort: 83, hostIP: '0.0.0.0' },
  { hostPort: 53, containerPort: 53, protocol: 'udp' },
)
/** More than one rule takes, and more than one protocol. */
const many = ports(
  ...Array.from({ length: 20 }, (_, i) => ({ hostPort: 9000 + i, containerPort: 80 })),
  { hostPort: 9000, containerPort: 80, protocol: 'sctp' },
)

const cases = {
  'the defaults': mappings,
  'many ports': many,
  'no snat': { snat: false, ...mappings },
  markMasqBit: { markMasqBit: 5, ...mappings },
  conditions: { conditionsV4: ['!', '-s', '192.0.2.2'], conditionsV6: ['-i', 'wire'], ...mappings },
}

function setUp(t: Scope) {
  const node = makePortmapNode(t)
  // Go's 1.1 knows no cniVersion 1.1.0
  const common = { cniVersion: '1.0.0', backend: 'iptables' }
  const ours = node.networkWith(common)
  const theirs = node.networkWith(common, () => [goPlugin])
  return { node, ours, theirs, pod: node.pod() }
}

/** Lines in an order of their own: the chains of a table are listed as they were made. */
function sorted(rules: string): string[] {
  return rules
    .split('\n')
    .filter((line) => !/^\t|^}|^table|^$/.test(line))
    .sort()
}

for (const [name, keys] of Object.entries(cases)) {
  t.test(`the same rules: ${name}`, { skip }, async (t) => {
    const [one, two] = [setUp(t), setUp(t)]
    const conf = { ...keys, prevResult: prevResultOf(one.pod) }
    const call = { containerId: 'c1' }
    await one.ours.attach(one.pod, conf, call)
    await two.theirs.attach(two.pod, conf, call)
    t.strictSame(sorted(rulesOf(one.node)), sorted(rulesOf(two.node)))
    t.strictSame(containerRules(one.node), containerRules(two.node), 'in the same order')
    // The other way round cannot be tested: Go's 1.1 looks for the rules of one family in both.
    await two.ours.silent('CHECK', two.pod, conf, call)
    await one.theirs.silent('DEL', one.pod, conf, call)
    await two.ours.silent('DEL', two.pod, conf, call)
    t.strictSame(sorted(rulesOf(one.node)), sorted(rulesOf(two.node)), 'deleted by the other')
    t.strictSame(containerRules(one.node), [])
  })
}

t.test('each deletes what the other added', { skip }, async (t) => {
  const { node, ours, theirs, pod } = setUp(t)
  for (const [adding, deleting] of [[ours, theirs] as const, [theirs, ours] as const]) {
    await adding.attach(pod, mappings)
    t.not(tracesOf(node, pod).length, 0)
    await deleting.silent('DEL', pod, mappings)
    t.strictSame(tracesOf(node, pod), [])
  }
  await theirs.attach(pod, mappings)
  await ours.silent('DEL', pod)
  t.strictSame(tracesOf(node, pod), [], 'also when no mappings are given')
  await theirs.attach(pod, mappings)
  await ours.attach(pod, mappings)
  await ours.attach(pod, mappings)
  await theirs.silent('DEL', pod, mappings)
  t.strictSame(tracesOf(node, pod), [], 'an ADD of ours over one of theirs')
  await ours.silent('DEL', pod, mappings)
})

t.test(
  'a port that the Go plugin opened for a living pod is not taken over',
  { skip },
  async (t) => {
    const { node, ours, theirs, pod } = setUp(t)
    const other = node.pod()
    // the runtime keeps its cache elsewhere
    await theirs.attach(pod, mappings)
    const before = rulesOf(node)
    const { code, msg, details } = await ours.refused('ADD', other, mappings)
    t.strictSame([code, msg], [11, 'host port 8080/tcp is already taken by another pod'])
    t.match(details, `container ${pod.containerId} on network net1 has it, and nothing here tells`)
    t.equal(rulesOf(node), before)
    await ours.silent('DEL', pod)
    await ours.attach(other, mappings)
    t.notMatch(rulesOf(node), pod.containerId)
  },
)

/** A result that can be of either pod: no rule has the sandbox in it. */
function prevResultOf({ netns }: Pod): object {
  return {
    cniVersion: '1.0.0',
    interfaces: [{ name: 'eth0', sandbox: netns }],
    ips: [
      { address: '10.9.0.2/24', interface: 0 },
      { address: 'fd09::2/64', interface: 0 },
    ],
  }
}

/** The rules of the container's chain. */
function containerRules(node: PortmapNode): string[] {
  return rulesOf(node)
    .split('\n')
    .filter((line) => line.startsWith('-A CNI-DN-'))
}
