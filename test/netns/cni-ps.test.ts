/** `cni ps` on a node with pods; iproute2 says what is true. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { type InstalledNode, installPlugins, makeInstalledNode } from '../support/installed-node.ts'
import { globalCidrs, ports } from '../support/ip.ts'
import { asNobody } from '../support/public-folder.ts'

const plugins = kernelSkip() ? '' : installPlugins(t)

interface Shown {
  readonly pod: { readonly name: string } | null
  readonly hostVeth: string | null
  readonly [key: string]: unknown
}

async function list(node: InstalledNode): Promise<Shown[]> {
  const { stdout, stderr, code } = await node.cni('ps', '--json')
  if (code !== 0) throw new Error(stderr)
  return JSON.parse(stdout) as Shown[] // the test is about what is in it
}

/** What is wrong with each pod, by its name. */
async function problems(node: InstalledNode): Promise<Record<string, unknown>> {
  return Object.fromEntries((await list(node)).map(({ pod, problem }) => [pod?.name, problem]))
}

t.test('shows pods as iproute2 does', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  t.same(await list(node), [])
  const pod = node.pod()
  const added = await node.attach(pod, 'web', [
    { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  ])
  t.equal(added.code, 0, added.stderr)
  const [shown, ...more] = await list(node)
  t.same(more, [])
  const [port] = ports(node, 'cni0')
  t.match(shown, {
    pod: { namespace: 'default', name: 'web' },
    containerId: /^cnitool-/,
    network: 'cbr0',
    ifName: 'eth0',
    netns: pod.netns,
    hostVeth: port?.ifname,
    addresses: globalCidrs(pod, 'eth0'),
    hostPorts: [{ hostIP: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }],
    healthy: true,
    problem: null,
  })
  t.ok(Math.abs(Date.parse(String(shown?.['since'])) - Date.now()) < 60_000, 'made just now')
  const { stdout, stderr } = await node.cni('ps')
  const [titles, line, end] = stdout.split('\n')
  t.match(titles, /^POD +CONTAINER +NETWORK +INTERFACE +NETNS +HOST VETH +ADDRESSES +/)
  t.match(line, /^default\/web .* 10\.244\.1\.2\/24 +8080->80\/tcp +\d+s +ok$/)
  t.match(line, ` ${pod.name} `)
  t.same([end, stderr], ['', ''])
})

t.test('says what is wrong', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const names = ['gone', 'unplugged', 'down', 'bare', 'loose', 'lost', 'fine']
  const pods = new Map(names.map((name) => [name, node.pod()]))
  for (const [name, pod] of pods) t.equal((await node.attach(pod, name)).code, 0, name)
  const veths = new Map((await list(node)).map(({ pod, hostVeth }) => [pod?.name, hostVeth]))
  const inPod = (name: string, ...args: string[]) =>
    runSync(['ip', '-n', pods.get(name)?.name ?? '', ...args])
  const onHost = (name: string, ...args: string[]) =>
    runSync(['ip', '-n', node.name, 'link', 'set', veths.get(name) ?? '', ...args])

  runSync(['ip', 'netns', 'delete', pods.get('gone')?.name ?? ''])
  inPod('unplugged', 'link', 'delete', 'eth0')
  inPod('down', 'link', 'set', 'eth0', 'down')
  inPod('bare', 'address', 'flush', 'dev', 'eth0')
  onHost('loose', 'nomaster')
  rmSync(node.at('var/lib/cni/networks/cbr0/10.244.1.7'))
  t.same(await problems(node), {
    gone: 'its network namespace is gone',
    unplugged: 'eth0 is gone',
    down: 'eth0 is down',
    bare: 'eth0 lacks 10.244.1.5/24',
    loose: `${veths.get('loose')} is not in a bridge`,
    lost: '10.244.1.7 is not reserved',
    fine: null,
  })
  const { code, stdout } = await node.cni('ps')
  t.equal(code, 0, 'what is wrong with pods is no failure of the list')
  t.match(stdout, / eth0 is down\n/)
})

t.test('does with the sources that there are', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const pod = node.pod()
  await node.attach(pod, 'web')
  const results = node.at('var/lib/cni/results')
  const networks = node.at('var/lib/cni/networks/cbr0')
  writeFileSync(join(results, 'cbr0-x-eth0'), 'torn')
  const torn = await node.cni('ps', '--json')
  t.match(torn.stderr, /^cni ps: warning: left alone, .*cbr0-x-eth0: /)
  t.equal(JSON.parse(torn.stdout).length, 1)

  rmSync(results, { recursive: true })
  const [port] = ports(node, 'cni0')
  t.match(await list(node), [
    {
      ...{ pod: null, netns: pod.netns, hostVeth: port?.ifname },
      ...{ addresses: ['10.244.1.2'], healthy: true },
    },
  ])
  rmSync(networks, { recursive: true })
  t.match(await list(node), [{ hostVeth: port?.ifname, addresses: [], healthy: true }])
  runSync(['ip', '-n', node.name, 'link', 'delete', port?.ifname ?? ''])
  t.same(await list(node), [])
})

t.test('reads what containerd 1.6 keeps', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const pods = ['web', 'down', 'gone'].map((name) => ({ name, pod: node.pod() }))
  const results = node.at('var/lib/cni/results')
  for (const { name, pod } of pods) t.equal((await node.attach(pod, name)).code, 0)
  for (const file of readdirSync(results).map((name) => join(results, name))) {
    // No path of a namespace, and keys as Go writes a type that has no names for JSON.
    const { netns: _, ...entry } = JSON.parse(readFileSync(file, 'utf8')) as { netns: string }
    const mapping = { HostPort: 8080, ContainerPort: 80, Protocol: 'tcp', HostIP: '' }
    const capabilityArgs = { portMappings: [mapping] }
    writeFileSync(file, JSON.stringify({ ...entry, capabilityArgs }))
  }
  runSync(['ip', '-n', pods[1]?.pod.name ?? '', 'link', 'set', 'eth0', 'down'])
  runSync(['ip', 'netns', 'delete', pods[2]?.pod.name ?? ''])
  const hostPorts = [{ hostIP: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }]
  for (const { name, pod } of pods) {
    const shown = (await list(node)).filter((each) => each.pod?.name === name)
    t.match(shown, [{ netns: pod.netns, hostPorts }], name)
  }
  const expected = { web: null, down: 'eth0 is down', gone: 'its network namespace is gone' }
  t.same(await problems(node), expected)
  for (const file of readdirSync(results)) {
    const text = readFileSync(join(results, file), 'utf8')
    writeFileSync(join(results, file), text.replace(/"sandbox":"[^"]*"/, '"sandbox":""'))
  }
  t.same(await problems(node), expected, 'host-local has seen the namespaces too')
})

/** Configures the node's network by keys in the case that nobody writes, with this lease. */
function useOddKeys(node: InstalledNode, subnet: string): void {
  const flannel = { Type: 'flannel', IPAM: { DataDir: '/var/lib/cni/odd' } }
  const list = { name: 'cbr0', cniVersion: '1.0.0', plugins: [flannel] }
  const conflist = node.at('etc/cni/net.d/10-flannel.conflist')
  rmSync(conflist) // other nodes have links of it
  writeFileSync(conflist, JSON.stringify(list))
  const lease = readFileSync(node.at('run/flannel/subnet.env'), 'utf8')
  writeFileSync(node.at('run/flannel/subnet.env'), lease.replace('10.244.1.1/24', subnet))
}

t.test('says which pool of addresses is nearly empty', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  useOddKeys(node, '10.244.1.1/24')
  const folder = node.at('var/lib/cni/odd/cbr0')
  mkdirSync(folder, { recursive: true })
  const fill = (last: number) => {
    for (let n = 2; n <= last; n++) writeFileSync(join(folder, `10.244.1.${n}`), 'c1\r\neth0')
  }
  fill(228)
  t.match(await node.cni('ps'), { code: 0, stderr: '', stdout: /10\.244\.1\.228/ })
  const pool = 'addresses of 10.244.1.1-10.244.1.254 in use'
  fill(229)
  t.equal((await node.cni('ps')).stderr, `cni ps: warning: cbr0: 228 of 253 ${pool}\n`)
  fill(254)
  const full = await node.cni('ps', '--json')
  const outcome = 'no other pod gets one until one of them is released'
  t.equal(full.stderr, `cni ps: warning: cbr0: 253 of 253 ${pool}: ${outcome}\n`)
  t.type(JSON.parse(full.stdout), Array)
})

t.test('counts no address that the next pod gets', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  useOddKeys(node, '10.244.1.1/29')
  const pods = Array.from({ length: 5 }, () => node.pod())
  for (const pod of pods) t.equal((await node.attach(pod, pod.name)).code, 0)
  t.match((await node.cni('ps')).stderr, 'cbr0: 5 of 5 addresses of 10.244.1.1-10.244.1.6 in use')
  runSync(['ip', 'netns', 'delete', pods[0]?.name ?? ''])
  t.equal((await node.cni('ps')).stderr, '')
  t.equal((await node.attach(node.pod(), 'next')).code, 0)
  rmSync(node.at('run/flannel/subnet.env'))
  const warning = 'cni ps: warning: going on without the pools of network "cbr0": '
  t.match((await node.cni('ps')).stderr, `${warning}open /run/flannel/subnet.env: no such file`)
})

t.test('shows an address that nobody uses', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  const pod = node.pod()
  await node.attach(pod, 'web')
  runSync(['ip', 'netns', 'delete', pod.name])
  rmSync(node.at('var/lib/cni/results'), { recursive: true })
  t.match(await list(node), [
    {
      containerId: /^cnitool-/,
      addresses: ['10.244.1.2'],
      hostVeth: null,
      problem: 'nothing but its address is left',
    },
  ])
  const files = readdirSync(node.at('var/lib/cni/networks/cbr0')).sort()
  t.match(files, [/^\.cnitool-\S+ eth0$/, '10.244.1.2', 'last_reserved_ip.0', 'lock'])
})

t.test('lists for nobody else than root what it may', { skip: kernelSkip() }, async (t) => {
  const node = makeInstalledNode(t, plugins)
  await node.attach(node.pod(), 'web')
  const { code, stdout, stderr } = await node.run(...asNobody(['/opt/cni/bin/cni', 'ps']))
  t.equal(code, 0)
  t.match(stderr, /^cni ps: warning: going on without the cached results: .*permission denied$/m)
  t.equal(stdout.trim().split('\n').length, 2, 'the link can be seen by everybody')
})
