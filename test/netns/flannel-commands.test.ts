/** CHECK, STATUS and GC of the flannel plugin, through the bridge and host-local. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { veths } from '../support/bridge-network.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { attachPod, cni, installConf, leftovers } from '../support/flannel-node.ts'
import { globalCidrs, link } from '../support/ip.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }

const subnetEnv =
  'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n' +
  'FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

/** Of the commands that are about no attachment. */
const noAttachment = { containerId: '', netns: '', ifName: '' }

t.test('CHECK says what somebody has changed', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  const prevResult = await network.attach(pod)
  const [{ ifname: port } = { ifname: '' }] = veths(node)
  const ip = (...args: string[]) => ['ip', '-n', pod.name, ...args]
  const hairpin = (mode: string) => [
    'bridge',
    '-n',
    node.name,
    'link',
    'set',
    'dev',
    port,
    'hairpin',
    mode,
  ]
  for (const [change, undo, message] of [
    [
      ip('route', 'del', '10.244.0.0/16'),
      ip('route', 'add', '10.244.0.0/16', 'via', '10.244.1.1'),
      /10\.244\.0\.0\/16.* not found in routing table/,
    ],
    [
      ip('link', 'set', 'eth0', 'mtu', '1400'),
      ip('link', 'set', 'eth0', 'mtu', '1450'),
      'MTU 1400',
    ],
    [hairpin('off'), hairpin('on'), 'hairpin mode false'],
  ] as const) {
    runSync(change)
    t.match((await network.refused('CHECK', pod, { prevResult })).msg, message)
    runSync(undo)
    await network.silent('CHECK', pod, { prevResult })
  }
  network.forget()
  await network.silent('CHECK', pod, { prevResult })
  runSync(ip('link', 'delete', 'eth0'))
  t.equal((await network.refused('CHECK', pod, { prevResult })).code, 999)
})

t.test('CHECK of a pod from before the network’s version was raised', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  await network.attach(pod, { cniVersion: '0.3.1' })
  const { json } = await network.call('ADD', node.pod()) // a result in the new version, for its shape
  const [port] = veths(node).filter(({ ifalias = '' }) => ifalias.includes(pod.containerId))
  const prevResult = {
    ...json,
    interfaces: [{ name: 'cni0' }, { name: port?.ifname }, { name: 'eth0', sandbox: pod.netns }],
    ips: [{ address: globalCidrs(pod, 'eth0')[0], gateway: '10.244.1.1', interface: 2 }],
  }
  await network.silent('CHECK', pod, { prevResult })
  await network.silent('DEL', pod, { prevResult })
  t.equal(link(pod, 'eth0'), undefined)
})

t.test('STATUS', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv)
  const status = (keys?: object, call?: object) =>
    network.refused('STATUS', pod, keys, { ...noAttachment, ...call })
  await network.silent('STATUS', pod, {}, noAttachment)
  t.strictSame(network.saved(), {})
  t.equal(link(node, 'cni0'), undefined, 'it changes nothing')

  const found = await network.refused('STATUS', pod, {}, { ...noAttachment, path: '/nonexistent' })
  t.equal(found.code, 50)
  t.match(found.msg, 'failed to find plugin "bridge" in path [/nonexistent]')

  const file = join(node.dir, 'subnet.env')
  network.writeSubnetEnv('FLANNEL_NETWORK=10.244.0.0/16\n')
  t.match(await status(), { code: 50, msg: `${file} is missing FLANNEL_SUBNET` })
  network.writeSubnetEnv(undefined)
  t.match(await status(), {
    code: 50,
    msg: `failed to load flannel 'subnet.env' file: open ${file}: no such file or directory`,
    details: 'kubectl -n kube-flannel logs',
  })

  network.writeSubnetEnv(subnetEnv.replace('10.244.1.1/24', '10.244.1.1/30'))
  await network.silent('STATUS', pod, {}, noAttachment)
  await network.attach(pod)
  const full = await network.call('STATUS', pod, {}, noAttachment)
  t.equal(full.code, 0, full.stdout)
  t.match(
    full.stderr,
    /^host-local: STATUS: warning: no IP addresses available in range set: .*\n$/,
  )
  t.match(await status({ delegate: { mtu: 'x' } }), { code: 7, msg: 'mtu must be integer' })
})

t.test('GC takes back what is not valid, of this network only', options, async (t) => {
  const node = makeNode(t)
  const [valid, stale, other] = [node.pod(), node.pod(), node.pod()]
  const network = makeFlannelNetwork(node, subnetEnv)
  for (const pod of [valid, stale]) await network.attach(pod)
  await network.attach(stale, {}, { ifName: 'net1' })
  await network.attach(other, { name: 'net2' })
  t.equal(network.reserved().length, 3)

  const attachments = [{ containerID: valid.containerId, ifname: 'eth0' }]
  await network.silent(
    'GC',
    valid,
    { 'cni.dev/valid-attachments': attachments, 'cni.dev/attachments': attachments },
    noAttachment,
  )
  t.strictSame(network.reserved(), ['10.244.1.2'])
  t.strictSame(Object.keys(network.saved()), [valid.containerId, other.containerId].sort())
  t.strictSame([link(stale, 'eth0'), link(stale, 'net1')], [undefined, undefined])
  t.ok(link(valid, 'eth0'))
  t.ok(link(other, 'eth0'))

  network.writeSubnetEnv(undefined)
  await network.silent('GC', valid, { 'cni.dev/valid-attachments': [] }, noAttachment)
  t.strictSame(network.reserved(), [], 'also without subnet.env')
  t.equal(link(valid, 'eth0'), undefined)
  t.strictSame(Object.keys(network.saved()), [other.containerId])
})

t.test('GC removes no file that flannel has not written', options, async (t) => {
  const node = makeNode(t)
  const pod = node.pod()
  const network = makeFlannelNetwork(node, subnetEnv, { dataDir: node.dir }) // beside subnet.env
  await network.attach(pod)
  writeFileSync(join(node.dir, 'README'), 'what this folder is for')
  writeFileSync(join(node.dir, 'other'), readFileSync(join(node.dir, pod.containerId)).subarray(9))
  writeFileSync(join(node.dir, '.c2'), readFileSync(join(node.dir, pod.containerId)).subarray(0, 9))
  const files = () => {
    const entries = readdirSync(node.dir, { withFileTypes: true })
    return entries.flatMap((entry) => (entry.isFile() ? [entry.name] : [])).sort()
  }
  t.strictSame(files(), ['.c2', 'README', pod.containerId, 'subnet.env', 'other'].sort())
  const { code, stdout, stderr } = await network.call(
    'GC',
    pod,
    { 'cni.dev/valid-attachments': [] },
    noAttachment,
  )
  t.strictSame([code, stdout], [0, ''])
  t.match(stderr, /^[^\n]*warning: removing [^\n]*\/\.c2: its save was interrupted\n$/)
  t.strictSame(files(), ['README', 'other', 'subnet.env'])
})

t.test('STATUS is about what lasts', { skip: options.skip || straceSkip() }, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const file = join(node.dir, 'subnet.env')
  const failing = (errno: string) => (executable: string) => {
    const inject = ['-P', file, '-e', 'trace=openat', '-e', `inject=openat:error=${errno}`]
    return ['strace', '-f', '-qq', '-o', '/dev/null', ...inject, executable]
  }
  const status = (errno: string) =>
    network.call('STATUS', node.pod(), {}, { ...noAttachment, argv: failing(errno) })
  for (const errno of ['EMFILE', 'ENFILE', 'ENOMEM']) {
    const { code, stderr } = await status(errno)
    t.equal(code, 0, errno)
    t.match(stderr, 'warning: ready, although there is trouble that passes: failed to load flannel')
  }
  for (const errno of ['ENOENT', 'EACCES', 'EIO']) {
    t.match(await status(errno), { code: 1, json: { code: 50, msg: `open ${file}: ` } }, errno)
  }
})

t.test('an empty path stands for the default', options, async (t) => {
  const node = makeNode(t)
  installConf(node, subnetEnv)
  const list = join(node.dir, 'etc/cni/net.d/10-flannel.conflist')
  const { plugins, ...rest } = JSON.parse(readFileSync(list, 'utf8'))
  const [flannel, ...others] = plugins
  const emptied = [{ ...flannel, subnetFile: '', dataDir: '' }, ...others]
  writeFileSync(list, JSON.stringify({ ...rest, plugins: emptied }))
  const { netns } = await attachPod(node)
  t.equal(readdirSync(join(node.dir, 'var/lib/cni/flannel')).length, 1)
  for (const verb of ['status', 'gc'])
    t.match(await cni(node, verb, 'cbr0'), { code: 0, stderr: '' })
  for (const verb of ['check', 'del']) {
    t.match(await cni(node, verb, 'cbr0', netns), { code: 0, stderr: '' }, verb)
  }
  t.strictSame(leftovers(node), [])
})
