/** `cni uninstall` on a node with pods, beside what others have there. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { binDir, installedNames } from '../../scripts/lab/executables.ts'
import { kernelSkip, type Pod } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'
import { link, links, ports } from '../support/ip.ts'

const names = installedNames()

const plugins = kernelSkip() ? '' : installPlugins(t)

/** What `cni install` and the plugins keep on disk: what of it is there. */
function leftOnDisk(node: InstalledNode): string[] {
  return [
    ...names.map((name) => `opt/cni/bin/${name}`),
    'etc/cni/net.d/10-flannel.conflist',
    'var/lib/cni/flannel',
    'var/lib/cni/networks/cbr0',
    'var/lib/cni/portmap',
  ].filter((path) => existsSync(node.at(path)))
}

function linkNames(node: InstalledNode): string[] {
  return links(node)
    .map(({ ifname }) => ifname)
    .filter((name) => name !== 'lo')
}

/** What others have on the node, which has to stay. */
const foreign = {
  'etc/cni/net.d/87-other.conflist': JSON.stringify({
    ...{ name: 'other', cniVersion: '1.0.0' },
    plugins: [{ type: 'bridge', bridge: 'br0' }],
  }),
  'etc/cni/net.d/99-torn.conflist': '{',
  'opt/cni/bin/ptp': '#!/bin/sh\n',
  'var/lib/cni/networks/other/10.9.0.2': 'c9\r\neth0',
  'var/lib/cni/results/other-c9-eth0': '{}',
}

function addForeign(node: InstalledNode): void {
  for (const [path, text] of Object.entries(foreign)) {
    mkdirSync(dirname(node.at(path)), { recursive: true })
    writeFileSync(node.at(path), text)
  }
  runSync(['ip', '-n', node.name, 'link', 'add', 'br0', 'type', 'bridge'])
  const veth = ['ip', '-n', node.name, 'link', 'add', 'veth9', 'master', 'br0', 'type', 'veth']
  runSync(veth)
  runSync(['ip', '-n', node.name, 'link', 'set', 'veth9', 'alias', 'other/c9/eth0'])
}

async function attachPods(node: InstalledNode, ...pods: string[]): Promise<Pod[]> {
  return Promise.all(
    pods.map(async (name) => {
      const pod = node.pod()
      const { code, stderr } = await node.attach(pod, name)
      if (code !== 0) throw new Error(stderr)
      return pod
    }),
  )
}

t.test('removes all that is ours, and nothing else', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  addForeign(node)
  const [pod] = await attachPods(node, 'web')
  const detached = await node.cni('del', 'cbr0', pod?.netns ?? '')
  t.equal(detached.code, 0, detached.stderr)
  t.ok(link(node, 'cni0'))
  const { code, stdout, stderr } = await node.cni('uninstall')
  t.equal(code, 0, stderr)
  t.match(stdout, /^to be removed:\n  \/etc\/cni\/net\.d\/10-flannel\.conflist\n[^]*\nremoved\n$/)
  t.match(stderr, '99-torn.conflist is left alone')
  t.same(leftOnDisk(node), [])
  t.same(linkNames(node).sort(), ['br0', 'veth0', 'veth9'])
  for (const path of Object.keys(foreign)) t.ok(existsSync(node.at(path)), path)
  t.same(readdirSync(node.at('opt/cni/bin')), ['ptp'])

  const again = await node.run(join(binDir(), 'cni'), 'uninstall')
  t.match(again, { code: 0, stdout: 'nothing to remove\n' })
})

t.test('refuses while pods are attached, and names them', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  await attachPods(node, 'web', 'db')
  const before = [leftOnDisk(node), linkNames(node)]
  const { code, stdout, stderr } = await node.cni('uninstall')
  t.equal(code, 1)
  t.match(stdout, /^to be removed:\n/)
  t.match(stderr, 'nothing was removed, because of ')
  for (const name of ['web', 'db']) t.match(stderr, `default/${name}, by eth0 to network cbr0`)
  t.match(stderr, 'drain the node and try again, or add --force')
  t.same([leftOnDisk(node), linkNames(node)], before)

  const dry = await node.cni('uninstall', '--dry-run')
  t.match(dry, { code: 0, stderr: '' })
  t.match(dry.stdout, /^would remove:\n/)
  t.match(dry.stdout, 'only with --force, because of default/web, by eth0 to network cbr0\n')
  t.match(dry.stdout, '  interfaces, addresses and rules of attachments to cbr0: 2 known\n')
  t.same([leftOnDisk(node), linkNames(node)], before)
})

t.test('cuts pods off when it is forced', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const pods = await attachPods(node, 'web', 'db')
  const { code, stderr } = await node.cni('uninstall', '--force')
  t.equal(code, 0, stderr)
  t.same(leftOnDisk(node), [])
  t.same(linkNames(node), [])
  for (const pod of pods) t.equal(link(pod, 'eth0'), undefined)
  t.same(readdirSync(node.at('var/lib/cni/results')), [])
})

t.test('what pods have left that are gone is no obstacle', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const [pod] = await attachPods(node, 'web')
  runSync(['ip', 'netns', 'delete', pod?.name ?? ''])
  const { code, stderr } = await node.cni('uninstall')
  t.equal(code, 0, stderr)
  t.same(leftOnDisk(node), [])
  t.same(linkNames(node), [])
})

t.test('goes on where it was interrupted', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  await attachPods(node, 'web')
  rmSync(node.at('etc/cni/net.d/10-flannel.conflist'))
  t.match((await node.cni('uninstall')).stderr, 'default/web, by eth0 to network cbr0')
  const { code, stderr } = await node.cni('uninstall', '--force')
  t.equal(code, 0, stderr)
  t.same(leftOnDisk(node), [])
  t.same(linkNames(node), [])
})

t.test('a port that nobody knows is an obstacle', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const [pod] = await attachPods(node, 'web')
  await node.cni('del', 'cbr0', pod?.netns ?? '')
  const link0 = ['link', 'add', 'tap0', 'master', 'cni0', 'type', 'veth', 'peer', 'tap1']
  runSync(['ip', '-n', node.name, ...link0])
  const { code, stderr } = await node.cni('uninstall')
  t.equal(code, 1)
  t.match(stderr, 'because of tap0, a port of the bridge that no plugin of ours has made')
  t.ok(link(node, 'cni0'))
  t.equal((await node.cni('uninstall', '--force')).code, 0)
  t.same(linkNames(node).sort(), ['tap0', 'tap1'], 'it is nobody’s port any more')
})

const goFlannel = '#!/bin/sh\n# another flannel\n'

t.test('another flannel and its network stay', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  await attachPods(node, 'web')
  await node.cni('gc', 'cbr0')
  const flannel = node.at('opt/cni/bin/flannel')
  rmSync(flannel)
  writeFileSync(flannel, goFlannel)
  const { code, stdout, stderr } = await node.cni('uninstall')
  t.equal(code, 1)
  t.match(stdout, 'keeping /opt/cni/bin/flannel: it is of another plugin set\n')
  t.match(stderr, '/opt/cni/bin/flannel, which is of another plugin set or version')
  t.equal(leftOnDisk(node).length, names.length + 3)
})

t.test('a bridge of somebody else stays', { skip: kernelSkip() }, async (t) => {
  for (const isUsed of [false, true]) {
    const node = makeInstalledNode(t, plugins)
    const ip = (...args: string[]) => runSync(['ip', '-n', node.name, ...args])
    ip('link', 'add', 'cni0', 'up', 'type', 'bridge')
    const pods = isUsed ? await attachPods(node, 'web') : []
    ip('link', 'add', 'tap0', 'master', 'cni0', 'type', 'veth', 'peer', 'tap1')
    const { code, stdout, stderr } = await node.cni('uninstall', ...(isUsed ? ['--force'] : []))
    t.equal(code, 0, stderr)
    t.match(stdout, 'keeping bridge cni0: ')
    t.notMatch(stdout, '  link cni0')
    t.same(linkNames(node).sort(), ['cni0', 'tap0', 'tap1'])
    t.equal(ports(node, 'cni0').length, 1, 'with its port')
    for (const pod of pods) t.equal(link(pod, 'eth0'), undefined)
    t.same(leftOnDisk(node), [])
  }
})

const goBridge = '/usr/lib/cni/bridge'
const noGo = existsSync(goBridge) ? false : `${goBridge} is not installed`

t.test('knows the pods of a Go bridge', { skip: kernelSkip() || noGo }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const bridge = node.at('opt/cni/bin/bridge')
  rmSync(bridge)
  copyFileSync(goBridge, bridge)
  runSync(['chmod', '755', bridge])
  // Debian's does not speak 1.1.0.
  const conflist = node.at('etc/cni/net.d/10-flannel.conflist')
  const { cniVersions: _, ...list } = JSON.parse(readFileSync(conflist, 'utf8'))
  rmSync(conflist)
  writeFileSync(conflist, JSON.stringify(list))
  await attachPods(node, 'web')
  t.equal(ports(node, 'cni0').length, 1)
  const { code, stdout, stderr } = await node.cni('uninstall')
  t.equal(code, 1)
  t.match(stderr, 'because of default/web, by eth0 to network cbr0\n')
  t.match(stdout, 'keeping /opt/cni/bin/bridge: it is of another plugin set\n')
  t.equal((await node.cni('uninstall', '--force')).code, 0)
  t.same(linkNames(node), [])
  t.same(leftOnDisk(node), ['opt/cni/bin/bridge'])
})
