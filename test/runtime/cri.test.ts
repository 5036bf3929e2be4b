/** Twenty pods under containerd, made and removed through its CRI as the kubelet does it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { kernelSkip, type Namespace } from '../../scripts/lab/node.ts'
import { inside, missingProgram, run, runSync } from '../../scripts/lab/run.ts'
import { imageName } from '../support/busybox-image.ts'
import { type ClusterNode, makeHostGwCluster } from '../support/cluster.ts'
import { type Containerd, containerdSkip, startContainerd } from '../support/containerd.ts'
import { type Cri, startCri } from '../support/cri.ts'
import { installAll } from '../support/flannel-node.ts'
import { ports } from '../support/ip.ts'
import { answers, answersToPod, removePod, runWebPod, type WebPod } from '../support/web-pod.ts'

const conflist = join(import.meta.dirname, '../../conf/10-flannel.conflist')
const skip = kernelSkip() || containerdSkip() || missingProgram('nft', 'iptables-save')
const count = 20

/** The node of the pods with its runtime, and another one beside it. */
interface Place {
  readonly cri: Cri
  readonly node: ClusterNode
  readonly other: Namespace
}

t.test(`${count} pods with host ports`, { skip }, async (t) => {
  const [node, other] = makeHostGwCluster(t)
  installAll(node)
  const containerd = await startContainerd(node, t)
  await containerd.importImage('k8s.io')
  const cri = startCri(containerd, t)
  await cri.ready(imageName)
  const place: Place = { cri, node, other }

  const hostPorts = Array.from({ length: count }, (_, index) => 8000 + index)
  const first = await all(hostPorts, (port) => runWebPod(cri, node, `pod-${port}`, port))
  await t.test('work', (t) => assertReachable(t, place, first))
  await t.test('are what cni ps shows', (t) => assertShown(t, containerd, first))

  await containerd.stop()
  t.same(await answers(other, first.map(url)), first.map(name), 'and do so without containerd')
  await containerd.start()
  await cri.ready(imageName)
  t.same((await cri.readyPods()).sort(), first.map(id).sort(), 'containerd finds them again')

  const removed = first.slice(0, 5)
  await all(removed, (pod) => removePod(cri, pod))
  t.same(rulesAbout(removed, firewall(node)), [], 'no rule of a removed pod is left')
  const fresh = await all(removed.map(hostPortOf), (port) =>
    runWebPod(cri, node, `new-${port}`, port),
  )
  const second = [...first.slice(5), ...fresh]
  await t.test('work after some were replaced', (t) => assertReachable(t, place, second))
  const given = [...first, ...fresh].map(({ address }) => address)
  t.equal(new Set(given).size, count + 5, 'no address is given twice')

  await all(second, (pod) => removePod(cri, pod))
  t.same(await cri.readyPods(), [])
  t.same(ports(node, 'cni0'), [], 'no interface is left')
  t.same(rulesAbout([...first, ...fresh], firewall(node)), [], 'no rule is left')
  const files = (folder: string) => readdirSync(join(node.dir, 'var/lib/cni', folder)).sort()
  t.same(files('networks/cbr0'), ['last_reserved_ip.0', 'lock'], 'no address is left')
  t.same(files('flannel'), [], 'no saved configuration is left')
  t.same(files('results'), [], 'no result is left')
})

/** What `cni ps --json` prints of an attachment. */
interface Shown {
  readonly containerId: string
}

/** Asserts that `cni ps` shows pods as containerd keeps them, and each as it is. */
async function assertShown(
  t: Test,
  containerd: Containerd,
  pods: readonly WebPod[],
): Promise<void> {
  const { stdout, stderr } = await run(containerd.beside(['/opt/cni/bin/cni', 'ps', '--json']))
  t.equal(stderr, '')
  const shown: Shown[] = JSON.parse(stdout)
  const expected = pods.map(({ name, sandboxId, address, hostPort }) => ({
    pod: { namespace: 'default', name },
    containerId: sandboxId,
    netns: /\/netns\/cni-/, // which containerd 1.6 does not keep
    addresses: [`${address}/24`],
    hostPorts: [{ hostIP: '', hostPort, containerPort: 80, protocol: 'tcp' }],
    problem: null,
  }))
  const sorted = (list: readonly Shown[]) =>
    list.toSorted((a, b) => a.containerId.localeCompare(b.containerId))
  t.match(sorted(shown), sorted(expected))
  t.equal(shown.length, pods.length)
}

/** Asserts that pods answer to the nodes, and each one to the pod before it. */
async function assertReachable(t: Test, place: Place, pods: readonly WebPod[]): Promise<void> {
  const { cri, node, other } = place
  t.same(await answers(node, pods.map(url)), pods.map(name), 'from their node')
  t.same(await answers(other, pods.map(url)), pods.map(name), 'from another node')
  const pairs = pods.map((pod, index) => [pod, pods[index + 1] ?? pods[0] ?? pod] as const)
  const toPods = await all(pairs, ([pod, next]) => answersToPod(cri, pod, [url(next)]))
  t.same(toPods.flat(), pairs.map(([, next]) => next).map(name), 'from other pods')
  await t.test('by host port', { skip: hostPortSkip() }, (t) => assertHostPorts(t, place, pairs))
}

/** Asserts that host ports lead the first of each pair, and nodes, to the pods. */
async function assertHostPorts(
  t: Test,
  { cri, node, other }: Place,
  pairs: readonly (readonly [WebPod, WebPod])[],
): Promise<void> {
  const onNode = ({ hostPort }: WebPod) => `http://${node.leases[0]?.publicIp}:${hostPort}`
  const onLoopback = ({ hostPort }: WebPod) => `http://127.0.0.1:${hostPort}`
  const pods = pairs.map(([pod]) => pod)
  t.same(await answers(other, pods.map(onNode)), pods.map(name), 'from another node')
  t.same(await answers(node, pods.map(onNode)), pods.map(name), 'from their node')
  t.same(await answers(node, pods.map(onLoopback)), pods.map(name), 'on loopback')
  const toPods = await all(pairs, (pair) => answersToPod(cri, pair[0], pair.map(onNode)))
  t.same(toPods.flat(), pairs.flat().map(name), 'from themselves, and from other pods')
  const lines = firewall(node)
  t.same(
    pods.filter((pod) => rulesAbout([pod], lines).length === 0),
    [],
    'each has rules',
  )
}

const url = ({ address }: WebPod) => `http://${address}`
const name = (pod: WebPod) => pod.name
const id = (pod: WebPod) => pod.sandboxId
const hostPortOf = (pod: WebPod) => pod.hostPort

function all<In, Out>(items: readonly In[], task: (item: In) => Promise<Out>): Promise<Out[]> {
  return Promise.all(items.map(task))
}

/** The lines of every table of the node's firewall, as both tools show them. */
function firewall({ netns }: Namespace): string[] {
  const listings = [['nft', 'list', 'ruleset'], ['iptables-save'], ['ip6tables-save']]
  return listings.flatMap((argv) => runSync(inside(netns, argv)).split('\n'))
}

/** The lines that name a pod or its address. */
function rulesAbout(pods: readonly WebPod[], lines: readonly string[]): string[] {
  const marks = pods.flatMap(({ sandboxId, address }) => [
    new RegExp(`\\b${sandboxId}\\b`),
    new RegExp(`\\b${address.replaceAll('.', '\\.')}\\b`),
  ])
  return lines.filter((line) => marks.some((mark) => mark.test(line)))
}

/** The shipped configuration, as far as it matters here. */
interface Conflist {
  readonly plugins: readonly { readonly type: string }[]
}

/** Why there are no host ports, or false. */
function hostPortSkip(): string | false {
  const { plugins } = JSON.parse(readFileSync(conflist, 'utf8')) as Conflist // our own
  if (!plugins.some(({ type }) => type === 'portmap')) return 'the conflist has no portmap'
  return existsSync(join(binDir(), 'portmap')) ? false : 'portmap is not built'
}
