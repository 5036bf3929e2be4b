/** The `cni` command with the packaged plugins, as a person uses it. */
import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../scripts/lab/run.ts'
import { globalCidrs, link, links, reaches } from '../support/ip.ts'

const subnetEnv = `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`

/** Fails on ADD, and finds nothing to do otherwise. */
const failing = `#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '{"code": 11, "msg": "not today"}'
exit 1
`

/** Configures the network `cbr0` on the node: flannel, and the plugins of these types after it. */
function configure({ dir }: Node, ...types: string[]): void {
  const flannel = {
    type: 'flannel',
    subnetFile: join(dir, 'subnet.env'),
    dataDir: join(dir, 'flannel'),
    ipam: { dataDir: join(dir, 'networks') },
    delegate: { hairpinMode: true, isDefaultGateway: true },
  }
  const plugins = [flannel, ...types.map((type) => ({ type }))]
  const list = { cniVersion: '1.1.0', name: 'cbr0', plugins }
  for (const folder of ['net.d', 'bin']) mkdirSync(join(dir, folder))
  writeFileSync(join(dir, 'net.d/10-flannel.conflist'), JSON.stringify(list))
  writeFileSync(join(dir, 'subnet.env'), subnetEnv)
  writeFileSync(join(dir, 'bin/failing'), failing)
  chmodSync(join(dir, 'bin/failing'), 0o755)
}

/** Runs `cni` on the node. */
async function cni({ netns, dir }: Node, ...args: string[]) {
  const env = {
    PATH: process.env['PATH'],
    NETCONFPATH: join(dir, 'net.d'),
    CNI_PATH: `${binDir()}:${join(dir, 'bin')}`,
    CNI_CACHE_DIR: join(dir, 'cni'),
  }
  return run(inside(netns, [join(binDir(), 'cni'), ...args]), { env })
}

/** The addresses that host-local has reserved on the node. */
function reserved({ dir }: Node): string[] {
  const folder = join(dir, 'networks/cbr0')
  if (!existsSync(folder)) return []
  return readdirSync(folder).filter((name) => /^\d/.test(name))
}

const veths = (node: Node) => links(node).filter(({ linkinfo }) => linkinfo?.info_kind === 'veth')
const cached = ({ dir }: Node) => readdirSync(join(dir, 'cni/results'))

function setUp(scope: Parameters<typeof makeNode>[0], ...types: string[]): [Node, Pod] {
  const node = makeNode(scope)
  configure(node, ...types)
  return [node, node.pod()]
}

t.test(
  'attaches a namespace, and leaves nothing when it is detached',
  {
    skip: kernelSkip(),
  },
  async (t) => {
    const [node, pod] = setUp(t)
    t.match(await cni(node, 'status', 'cbr0'), { code: 0, stdout: /is ready/ })
    const added = await cni(node, 'add', 'cbr0', pod.netns)
    t.match(added, { code: 0, stderr: '' })
    t.match(JSON.parse(added.stdout), { cniVersion: '1.1.0', ips: [{ address: '10.244.1.2/24' }] })
    t.strictSame(globalCidrs(pod, 'eth0'), ['10.244.1.2/24'])
    t.ok(await reaches(pod, '10.244.1.1'))
    t.equal(cached(node).length, 1)
    t.match(await cni(node, 'check', 'cbr0', pod.netns), { code: 0, stderr: '' })
    t.match(await cni(node, 'del', 'cbr0', pod.netns), { code: 0, stdout: '', stderr: '' })
    t.equal(link(pod, 'eth0'), undefined)
    t.strictSame([...cached(node), ...reserved(node), ...veths(node)], [])
  },
)

t.test('takes a failed add back', { skip: kernelSkip() }, async (t) => {
  const [node, pod] = setUp(t, 'failing')
  const { code, stdout, stderr } = await cni(node, 'add', 'cbr0', pod.netns)
  t.equal(code, 1)
  t.equal(stdout, '')
  t.match(stderr, 'cni add cbr0: plugin type="failing" failed (add): not today\n')
  t.match(stderr, 'what had been done was removed again')
  t.equal(link(pod, 'eth0'), undefined)
  t.strictSame([...reserved(node), ...veths(node)], [])
})

t.test('touches nothing when a plugin is missing', { skip: kernelSkip() }, async (t) => {
  const [node, pod] = setUp(t, 'nowhere')
  const { stderr } = await cni(node, 'add', 'cbr0', pod.netns)
  t.match(stderr, 'failed to find plugin "nowhere" in path [')
  t.equal(link(node, 'cni0'), undefined)
})

t.test('collects what a vanished namespace left', { skip: kernelSkip() }, async (t) => {
  const [node, pod] = setUp(t)
  const stays = node.pod()
  for (const { netns } of [pod, stays]) await cni(node, 'add', 'cbr0', netns)
  runSync(['ip', 'netns', 'delete', pod.name])
  t.match(await cni(node, 'gc', 'cbr0'), {
    code: 0,
    stdout: 'attachments kept: 1, removed: 1\n',
    stderr: '',
  })
  t.strictSame(reserved(node), ['10.244.1.3'])
  t.equal(cached(node).length, 1)
  t.ok(await reaches(stays, '10.244.1.1'))
})

t.test('works in a folder that has been removed', { skip: kernelSkip() }, async (t) => {
  const [node] = setUp(t)
  const cniFile = join(binDir(), 'cni')
  const script = 'mkdir "$0/gone" && cd "$0/gone" && rmdir "$0/gone" && exec "$@"'
  const there = (...args: string[]) =>
    run(['sh', '-c', script, node.dir, ...inside(node.netns, [cniFile, ...args])])
  t.match(await there('version'), { code: 0, stdout: /^cni /, stderr: '' })
  const { code, stderr } = await there('install', '--bin-dir', 'bin', '--conf-dir', 'net.d')
  t.equal(code, 1)
  t.match(
    stderr,
    /^cni install: cannot write in \/proc\/self\/cwd\/bin: .*no such file or directory$/m,
  )
})
