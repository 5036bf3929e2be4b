/** The Go library with our plugins, by its command cnitool; and `cni`, which does the same. */
import { copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { onNode } from '../../scripts/lab/own-folders.ts'
import { type Outcome, run, runSync } from '../../scripts/lab/run.ts'
import { attachmentState, printedResult } from '../support/attachment-state.ts'
import { installAll, leftovers } from '../support/flannel-node.ts'
import { globalCidrs, reaches } from '../support/ip.ts'

const root = join(import.meta.dirname, '../..')
const cnitool = join(root, 'dist/cnitool')
const cni = '/opt/cni/bin/cni'
const notBuilt = 'dist/cnitool is not there: `node scripts/cnitool.ts` fetches Go and builds it'
const skip = kernelSkip() || (existsSync(cnitool) ? false : notBuilt)

/** The pod's namespace, by a path that is the same on every node. */
const netns = '/run/web'

/** A node with the plugins, and a pod. */
function setUp(scope: Scope): [Node, Pod] {
  const node = makeNode(scope)
  installAll(node)
  copyFileSync(join(root, 'conf/subnet.env'), join(node.dir, 'run/flannel/subnet.env'))
  const pod = node.pod()
  symlinkSync(pod.netns, join(node.dir, netns))
  return [node, pod]
}

/** Takes the choice of versions out of the conflist, which older releases do not know. */
function pinVersion({ dir }: Node): void {
  const path = join(dir, 'etc/cni/net.d/10-flannel.conflist')
  const conflist: object = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...conflist, cniVersions: undefined }))
}

function call(node: Node, argv: readonly string[], env: object = {}): Promise<Outcome> {
  const base = { PATH: process.env['PATH'], CNI_PATH: '/opt/cni/bin' }
  return run(onNode(node, argv), { env: { ...base, ...env } })
}

t.test('the Go library runs the shipped conflist', { skip }, async (t) => {
  const [node, pod] = setUp(t)
  const added = await call(node, [cnitool, 'add', 'cbr0', netns])
  t.match(added, { code: 0, stderr: '' })
  t.match(JSON.parse(added.stdout), { cniVersion: '1.0.0', ips: [{ address: '10.244.1.2/24' }] })
  t.same(globalCidrs(pod, 'eth0'), ['10.244.1.2/24'])
  t.ok(await reaches(pod, '10.244.1.1'))
  t.match(await call(node, [cnitool, 'check', 'cbr0', netns]), { code: 0, stderr: '' })
  runSync(['ip', '-n', pod.name, 'address', 'flush', 'dev', 'eth0'])
  t.match(await call(node, [cnitool, 'check', 'cbr0', netns]), { code: 1, stderr: /10\.244\.1\.2/ })
  t.match(await call(node, [cnitool, 'del', 'cbr0', netns]), { code: 0, stdout: '', stderr: '' })
  t.same(leftovers(node), [])
})

const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
const rich = {
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=web',
  CAP_ARGS: JSON.stringify({ portMappings, 'io.kubernetes.cri.pod-annotations': { a: '<&>' } }),
}

/** What is called in this order, and what has changed before. */
const story = [
  { title: 'attach', argv: ['add', 'cbr0', netns], env: rich },
  { title: 'check', argv: ['check', 'cbr0', netns], env: rich },
  { title: 'attach what is attached', argv: ['add', 'cbr0', netns], env: rich },
  { title: 'detach', argv: ['del', 'cbr0', netns], env: rich },
  { title: 'detach what is not attached', argv: ['del', 'cbr0', netns] },
  { title: 'check what is not attached', argv: ['check', 'cbr0', netns] },
  { title: 'attach by another name', argv: ['add', 'cbr0', netns], env: { CNI_IFNAME: 'net1' } },
  { title: 'detach by the name', argv: ['del', 'cbr0', netns], env: { CNI_IFNAME: 'net1' } },
  { title: 'attach no namespace', argv: ['add', 'cbr0', '/run/none'] },
  { title: 'detach no namespace', argv: ['del', 'cbr0', '/run/none'] },
  { title: 'an unknown network', argv: ['add', 'cbr1', netns] },
  { title: 'malformed arguments', argv: ['add', 'cbr0', netns], env: { CNI_ARGS: 'a' } },
  { title: 'no plugins', argv: ['add', 'cbr0', netns], env: { CNI_PATH: '/run' } },
]

/** What `program` answers to each step of the story, and how things stand then. */
async function play(scope: Scope, program: string) {
  const [node, pod] = setUp(scope)
  pinVersion(node)
  const answers = []
  for (const { argv, env } of story) {
    const { code, stdout } = await call(node, [program, ...argv], env)
    answers.push({ code, result: printedResult(stdout), state: attachmentState(node, pod) })
  }
  return answers
}

t.test('cni does what cnitool does', { skip }, async (t) => {
  const theirs = await play(t, cnitool)
  const ours = await play(t, cni)
  for (const [index, { title }] of story.entries()) {
    t.strictSame(ours[index], theirs[index], title)
  }
})

const programs = { cni, cnitool }
for (const [maker, remover] of [
  ['cnitool', 'cni'],
  ['cni', 'cnitool'],
] as const) {
  t.test(`${remover} removes what ${maker} made`, { skip }, async (t) => {
    const [node] = setUp(t)
    pinVersion(node)
    t.match(await call(node, [programs[maker], 'add', 'cbr0', netns]), { code: 0 })
    t.match(await call(node, [programs[remover], 'check', 'cbr0', netns]), { code: 0, stderr: '' })
    t.match(await call(node, [programs[remover], 'del', 'cbr0', netns]), { code: 0, stderr: '' })
    t.same(leftovers(node), [])
  })
}
