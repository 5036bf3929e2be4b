/** The portmap plugin on nodes that lack nft, iptables or both. */
import { chmodSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Tools } from '../../lib/firewall/node-tool.ts'
import { kernelSkip, type Node, type Pod } from '../../scripts/lab/node.ts'
import { makeHanging } from '../support/hanging.ts'
import type { Network } from '../support/network.ts'
import { recordsOf, rulesOf, tracesOf } from '../support/portmap-rules.ts'
import { makePortmapNode, ports } from '../support/portmap.ts'

const options = { skip: kernelSkip() }
const mappings = ports({ hostPort: 8080, containerPort: 80 })
const all = {
  nft: ['nft'],
  iptables: ['iptables', 'ip6tables', 'iptables-restore', 'ip6tables-restore'],
}

/** Runs an executable where the programs, if there are any, cannot be run. */
function without(...programs: string[]) {
  return hiding('for file in $HIDDEN; do mount --bind /dev/null $file; done; exec "$@"', programs)
}

/** Runs an executable by a script that finds the programs in $HIDDEN, in mounts of its own. */
function hiding(script: string, programs: readonly string[]) {
  const files = programs.flatMap((name) => new Tools().find(name) ?? [])
  const env = ['env', `HIDDEN=${files.join(' ')}`]
  return (executable: string) => [
    ...[...env, 'unshare', '--mount', '--propagation', 'private'],
    ...['sh', '-c', script, 'sh', executable],
  ]
}

t.test('without nft', options, async (t) => {
  const node = makePortmapNode(t)
  const pod = node.pod()
  const network = node.networkWith({}, without(...all.nft))
  await network.attach(pod, mappings)
  t.match(rulesOf(node), 'CNI-HOSTPORT-DNAT', 'iptables it is')
  await network.silent('CHECK', pod, mappings)
  await network.silent('STATUS', pod)
  await network.silent('DEL', pod, mappings)
  t.strictSame(tracesOf(node, pod), [])

  const nftables = node.networkWith({ backend: 'nftables' }, without(...all.nft))
  const error = await nftables.refused('ADD', pod, mappings)
  t.match(error, {
    msg: /^failed to find nft$/,
    details: /^expected the executable nft in one of .*apt-get install nftables\)$/,
  })
  t.strictSame(recordsOf(node), [])
  t.match(await statusOf(nftables, pod), /warning: no pod can have a host port: nft must be inst/)
  await nftables.silent('DEL', pod, mappings)
})

t.test('without iptables', options, async (t) => {
  const node = makePortmapNode(t)
  const pod = node.pod()
  const network = node.networkWith({}, without(...all.iptables))
  await network.attach(pod, mappings)
  t.match(tracesOf(node, pod)[0], 'comment "', 'nftables it is')
  await network.silent('CHECK', pod, mappings)
  await network.silent('STATUS', pod)
  await network.silent('DEL', pod, mappings)
  t.strictSame(tracesOf(node, pod), [])

  const iptables = node.networkWith({ backend: 'iptables' }, without(...all.iptables))
  const { msg } = await iptables.refused('ADD', pod, mappings)
  t.equal(msg, 'failed to find iptables-restore')
  t.strictSame(recordsOf(node), [])
  t.match(await statusOf(iptables, pod), 'host port: iptables and iptables-restore must be inst')

  await node.networkWith({ backend: 'iptables' }).attach(pod, mappings)
  const left = await iptables.refused('DEL', pod, mappings)
  t.match(left.msg, 'failed to find iptables', 'rules that cannot be removed are no success')
  await node.network.silent('DEL', pod)
  t.strictSame([...tracesOf(node, pod), ...recordsOf(node)], [], 'but they can be later')
})

t.test('without either', options, async (t) => {
  const node = makePortmapNode(t)
  const pod = node.pod()
  const network = node.networkWith({}, without(...all.nft, ...all.iptables))
  const before = rulesOf(node)
  const { msg, details } = await network.refused('ADD', pod, mappings)
  t.equal(msg, 'neither iptables nor nftables is usable')
  t.match(details, /\(iptables\) failed to find iptables: .*\(nftables\) failed to find nft: /)
  t.equal(rulesOf(node), before)
  t.strictSame(recordsOf(node), [])
  t.match(
    await statusOf(network, pod),
    /^portmap: STATUS .*: warning: no pod can have a host port: iptables and iptables-restore, or nft must .*\n$/,
  )
  await network.attach(pod)
  await network.silent('CHECK', pod)
  await network.silent('DEL', pod, mappings)
})

/** What is said on stderr by a STATUS that succeeds. */
async function statusOf(network: Network, pod: Pod): Promise<string> {
  const { code, stdout, stderr } = await network.call('STATUS', pod)
  if (code === 0 && stdout === '') return stderr
  throw new Error(`STATUS: exit status ${code}: ${stdout}${stderr}`)
}

t.test('STATUS starts no program, which might wait for a lock', options, async (t) => {
  const node = makePortmapNode(t)
  const hanging = makeHanging(node.node.dir, 'hanging')
  const hang = `for file in $HIDDEN; do mount --bind ${hanging} $file; done; exec "$@"`
  for (const backend of ['nftables', 'iptables', undefined]) {
    const network = node.networkWith({ backend }, hiding(hang, [...all.nft, ...all.iptables]))
    const start = performance.now()
    await network.silent('STATUS', node.pod())
    t.ok(
      performance.now() - start < 10_000,
      `${backend ?? 'none'}: a program takes 20 s to give up`,
    )
    const { code } = await network.refused('STATUS', node.pod(), { backend: 'ipfw' })
    t.equal(code, 7, 'a configuration that every ADD refuses')
  }
})

t.test('with iptables-legacy', { skip: kernelSkip() || legacySkip() }, async (t) => {
  const node = makePortmapNode(t)
  const pods = [node.pod(), node.pod()] as const
  const network = node.networkWith({}, asLegacy)
  const legacy = () =>
    ['iptables-legacy', 'ip6tables-legacy'].map((program) => node.run(program, '-t', 'nat', '-S'))
  for (const pod of pods) {
    await network.attach(pod, ports({ hostPort: Number(pod.ip[4].slice(-1)), containerPort: 80 }))
  }
  const before = legacy()
  t.match(before.join(), '10.9.0.2:80')
  t.match(before.join(), '[fd09::3]:80')
  await network.attach(pods[0], ports({ hostPort: 2, containerPort: 80 }))
  t.strictSame(legacy().map(sorted), before.map(sorted), 'a repeated ADD leaves the same rules')
  await network.silent('CHECK', pods[0], ports({ hostPort: 2, containerPort: 80 }))
  await network.silent('DEL', pods[0])
  t.notMatch(legacy().join(), '10.9.0.2')
  await network.silent('CHECK', pods[1], ports({ hostPort: 3, containerPort: 80 }))
  await network.silent('GC', pods[1], { 'cni.dev/valid-attachments': [] })
  t.notMatch(legacy().join(), 'CNI-DN-')
})

function sorted(rules: string): string[] {
  return rules.split('\n').sort()
}

function legacySkip(): string | false {
  return (
    new Tools().find('xtables-legacy-multi') === undefined && 'iptables-legacy is not installed'
  )
}

/** Runs an executable where `iptables` is iptables-legacy. */
function asLegacy(executable: string): readonly string[] {
  const [legacy, nft] = ['xtables-legacy-multi', 'xtables-nft-multi'].map((name) =>
    new Tools().find(name),
  )
  const script = `mount --bind ${legacy} ${nft}; exec "$@"`
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', executable]
}

t.test('tools that a distribution of Kubernetes brings along', options, async (t) => {
  const node = makePortmapNode(t)
  const pod = node.pod()
  const current = bringTools(node.node)
  const hidden = (conf: object) => node.networkWith(conf, without(...all.nft, ...all.iptables))
  const env = { PATH: `bin:${current}/bin:/usr/bin:${current}/bin/aux` }
  for (const backend of ['nftables', 'iptables']) {
    const network = hidden({ backend })
    await network.attach(pod, mappings, { env })
    t.not(tracesOf(node, pod).length, 0, backend)
    await network.silent('CHECK', pod, mappings, { env })
    await network.silent('DEL', pod, mappings, { env })
    t.strictSame(tracesOf(node, pod), [])
  }
  await hidden({}).attach(pod, mappings, { env })
  t.match(rulesOf(node), 'CNI-HOSTPORT-DNAT', 'iptables is found to be usable')
  await hidden({}).silent('DEL', pod, mappings, { env })

  chmodSync(join(current, 'bin/aux'), 0o777)
  const { details } = await hidden({ backend: 'nftables' }).refused('ADD', pod, mappings, { env })
  t.equal(
    details,
    'expected the executable nft in one of /usr/sbin, /sbin, /usr/bin, /bin, /usr/local/sbin, ' +
      `/usr/local/bin, /run/current-system/sw/bin, ${current}/bin; PATH also names "bin" (no ` +
      `absolute path), "${current}/bin/aux" (others than root can write ` +
      `${realpathSync(current)}/bin/aux), where nothing is run that root has not put; install it ` +
      'on the node (Debian: apt-get install nftables)',
  )
})

/** The firewall's programs as k3s has them: copies behind links, one of which is for upgrades. */
function bringTools({ dir }: Node): string {
  const data = join(dir, 'k3s/data')
  const aux = join(data, '4a1b/bin/aux')
  mkdirSync(aux, { recursive: true })
  for (const program of ['nft', 'xtables-nft-multi']) {
    cpSync(new Tools().find(program) ?? '', join(aux, program))
  }
  for (const name of all.iptables) symlinkSync('xtables-nft-multi', join(aux, name))
  symlinkSync(join(data, '4a1b'), join(data, 'current'))
  return join(data, 'current')
}

t.test('a hostile PATH', options, async (t) => {
  const node = makePortmapNode(t)
  const { dir } = node.node
  const pod = node.pod()
  for (const name of [...all.nft, ...all.iptables]) writeTrap(node.node, name)
  const env = { PATH: `${dir}:${process.env['PATH']}`, XTABLES_LIBDIR: dir }
  for (const backend of ['nftables', 'iptables']) {
    await node.network.attach(pod, { backend, ...mappings }, { env })
    t.not(tracesOf(node, pod).length, 0, backend)
    await node.network.silent('DEL', pod, mappings, { env })
    t.strictSame(tracesOf(node, pod), [])
  }
})

/** A program that must not run. */
function writeTrap({ dir }: Node, name: string): void {
  writeFileSync(join(dir, name), '#!/bin/sh\necho the wrong program >&2\nexit 1\n')
  chmodSync(join(dir, name), 0o755)
}
