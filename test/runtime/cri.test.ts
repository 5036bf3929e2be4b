/** Twenty pods under containerd, made and removed through its CRI as the kubelet does it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { imageName } from '../support/busybox-image.ts'
import { makeHostGwCluster, type ClusterNode } from '../support/cluster.ts'
import { containerdSkip, startContainerd } from '../support/containerd.ts'
import { startCri, type Cri } from '../support/cri.ts'
import { binDir } from '../support/executables.ts'
import { installAll } from '../support/flannel-node.ts'
import { ports } from '../support/ip.ts'
import { kernelSkip, type Namespace } from '../support/node.ts'
import { inside, missingProgram, run, runSync } from '../support/run.ts'
import { asking, removePod, runWebPod, type WebPod } from '../support/web-pod.ts'

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
  const first = await all(hostPorts, (port) => runWebPod(cri, `pod-${port}`, port))
  await t.test('work', (t) => assertReachable(t, place, first))

  await containerd.stop()
  t.same(await answers(other, first.map(url)), first.map(name), 'and do so without containerd')
  await containerd.start()
  await cri.ready(imageName)
  t.same((await cri.readyPods()).sort(), first.map(id).sort(), 'containerd finds them again')

  const removed = first.slice(0, 5)
  await all(removed, (pod) => removePod(cri, pod))
  t.same(rulesAbout(removed, firewall(node)), [], 'no rule of a removed pod is left')
  const fresh = await all(removed, ({ hostPort }) => runWebPod(cri, `new-${hostPort}`, hostPort))
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

/** Asserts who answers to whom; each pod asks the one after it. */
async function assertReachable(t: Test, place: Place, pods: readonly WebPod[]): Promise<void> {
  const { cri, node, other } = place
  const next = [...pods.slice(1), ...pods.slice(0, 1)]
  const names = pods.map(name)
  t.same(await answers(node, pods.map(url)), names, 'from their node')
  t.same(await answers(other, pods.map(url)), names, 'from another node')
  t.same(await answersToPods(cri, pods, next.map(url)), next.map(name), 'from other pods')
  await t.test('by host port', { skip: hostPortSkip() }, async (t) => {
    const ip = node.leases[0]?.publicIp
    const onNode = ({ hostPort }: WebPod) => `http://${ip}:${hostPort}`
    const onLoopback = ({ hostPort }: WebPod) => `http://127.0.0.1:${hostPort}`
    t.same(await answers(other, pods.map(onNode)), names, 'from another node')
    t.same(await answers(node, pods.map(onNode)), names, 'from their node')
    t.same(await answers(node, pods.map(onLoopback)), names, 'from their node, on loopback')
    t.same(await answersToPods(cri, pods, pods.map(onNode)), names, 'from themselves')
    t.same(await answersToPods(cri, pods, next.map(onNode)), next.map(name), 'from other pods')
    const lines = firewall(node)
    t.same(
      pods.filter((pod) => rulesAbout([pod], lines).length === 0),
      [],
      'each has rules',
    )
  })
}

const url = ({ address }: WebPod) => `http://${address}`
const name = (pod: WebPod) => pod.name
const id = (pod: WebPod) => pod.sandboxId

function all<In, Out>(items: readonly In[], task: (item: In) => Promise<Out>): Promise<Out[]> {
  return Promise.all(items.map(task))
}

/** What a namespace gets from each URL. */
async function answers({ netns }: Namespace, urls: readonly string[]): Promise<string[]> {
  const { stdout } = await run(inside(netns, asking(urls)))
  return stdout.trim().split('\n')
}

/** What each pod gets from the URL in its place. */
function answersToPods(cri: Cri, pods: readonly WebPod[], urls: readonly string[]) {
  return all([...pods.entries()], async ([index, { containerId }]) => {
    return (await cri.exec(containerId, asking(urls.slice(index, index + 1)))).trim()
  })
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
