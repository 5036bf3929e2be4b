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
import { binDir } from '../support/executables.ts'
import { installPlugins, makeInstalledNode, type InstalledNode } from '../support/installed-node.ts'
import { link, links, ports } from '../support/ip.ts'
import { kernelSkip, type Pod } from '../support/node.ts'
import { inside, runSync } from '../support/run.ts'

const names = readdirSync(binDir()).filter((name) => !name.startsWith('.'))

const plugins = kernelSkip() ? '' : installPlugins(t)

/** What `cni install` and the plugins keep on disk: what of it is there. */
function leftOnDisk(node: InstalledNode): string[] {
  return [
    ...names.map((name) => `opt/cni/bin/${name}`),
    'etc/cni/net.d/10-flannel.conflist',
    'var/lib/cni/flannel',
    'var/lib/cni/networks/cbr0',
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

for (const backend of ['nftables', 'iptables']) {
  const skip = kernelSkip() || (backend === 'iptables' && iptablesSkip())
  t.test(`no rule of ${backend} is left`, { skip }, async (t) => {
    const node = makeInstalledNode(t, plugins)
    const conflist = {
      ...{ name: 'cbr0', cniVersion: '1.0.0', cniVersions: ['1.0.0', '1.1.0'] },
      plugins: [
        { type: 'flannel', delegate: { ipMasq: true, ipMasqBackend: backend, macspoofchk: true } },
        { type: 'portmap', backend, capabilities: { portMappings: true } },
      ],
    }
    rmSync(node.at('etc/cni/net.d/10-flannel.conflist'))
    writeFileSync(node.at('etc/cni/net.d/10-flannel.conflist'), JSON.stringify(conflist))
    const added = await node.attach(node.pod(), 'web', [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
    ])
    t.equal(added.code, 0, added.stderr)
    t.match(nft(node, 'list', 'ruleset'), /8080/)
    const { code, stderr } = await node.cni('uninstall', '--force')
    t.equal(code, 0, stderr)
    t.notMatch(nft(node, 'list', 'ruleset'), /8080|masquerade|MASQ|CNI|cni/)
  })
}

const structure = `
table ip cni_hostport {
  chain hostports { }
  chain hostports_all { jump hostports; }
  chain prerouting { type nat hook prerouting priority -100; fib daddr type local jump hostports_all; }
}
table inet cni_plugins_masquerade {
  chain masq_checks { }
  chain postrouting { type nat hook postrouting priority 100; goto masq_checks; }
}
table ip somebody { }
`
const used = 'add rule ip cni_hostport hostports tcp dport 80 dnat to 10.9.0.2:80 comment "c9"'

function nft(node: InstalledNode, ...args: string[]): string {
  return runSync(inside(node.netns, ['nft', ...args]))
}

t.test('removes empty tables, and keeps those in use', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  writeFileSync(node.at('rules'), structure)
  nft(node, '-f', node.at('rules'))
  nft(node, used)
  const first = await node.cni('uninstall')
  t.equal(first.code, 0, first.stderr)
  t.match(first.stdout, 'kept table ip cni_hostport of nftables: other networks use it\n')
  t.same(nft(node, 'list', 'tables'), 'table ip cni_hostport\ntable ip somebody\n')

  nft(node, 'flush', 'chain', 'ip', 'cni_hostport', 'hostports')
  const second = await node.run(join(binDir(), 'cni'), 'uninstall')
  t.equal(second.code, 0, second.stderr)
  t.same(nft(node, 'list', 'tables'), 'table ip somebody\n')
})

const chains = `*nat
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
:CNI-HOSTPORT-MASQ - [0:0]
:SOMEBODY - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A OUTPUT -j SOMEBODY
-A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
-A CNI-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
COMMIT
`

/** Why iptables cannot be used here, or false. */
function iptablesSkip(): string | false {
  try {
    runSync(['unshare', '--net', 'iptables', '-t', 'nat', '-S'])
    return false
  } catch (error) {
    return `iptables cannot be used here: ${error instanceof Error ? error.message : error}`
  }
}

t.test('removes empty chains', { skip: kernelSkip() || iptablesSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const iptables = (...args: string[]) => runSync(inside(node.netns, ['iptables', ...args]))
  writeFileSync(node.at('rules'), chains)
  runSync(inside(node.netns, ['iptables-restore', '--noflush', node.at('rules')]))
  iptables('-t', 'nat', '-A', 'CNI-HOSTPORT-DNAT', '-j', 'SOMEBODY')
  const first = await node.cni('uninstall')
  t.equal(first.code, 0, first.stderr)
  t.match(
    first.stdout,
    /\nkept chains CNI-HOSTPORT-DNAT, .* of iptables: other networks use them\n/,
  )
  t.match(iptables('-t', 'nat', '-S'), '-A PREROUTING -m addrtype')

  iptables('-t', 'nat', '-F', 'CNI-HOSTPORT-DNAT')
  const second = await node.run(join(binDir(), 'cni'), 'uninstall')
  t.equal(second.code, 0, second.stderr)
  const left = iptables('-t', 'nat', '-S')
  t.notMatch(left, 'CNI-HOSTPORT')
  t.match(left, '-A OUTPUT -j SOMEBODY')
})
