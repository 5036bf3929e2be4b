/**
 * Delegation of the packaged executables: flannel to bridge to host-local, in the one process, in
 * that of the resident server, and as processes of their own. Nobody can tell the difference but by counting them.
 */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { binDir, frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode, type Node, type Pod, type Scope } from '../../scripts/lab/node.ts'
import { type Call, callPlugin, type Reply } from '../support/plugin-call.ts'
import { processes, watching } from '../support/programs.ts'
import { startResident } from '../support/resident.ts'
import { allRoutes, filesBelow, interfaces } from '../support/snapshot.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }
const versions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']

interface Setting {
  readonly node: Node
  readonly pod: Pod
  /** CNI_PATH: a folder whose executables are this one, or start it. */
  readonly path: string
  /** Where a resident server listens, on a node that has one. */
  readonly socket?: string
}

/** A node whose flannel finds its delegates in the executable that is running. */
function ownDelegates(scope: Scope): Setting {
  const node = makeNode(scope)
  writeSubnetEnv(node, '10.244.1.1/24')
  return { node, pod: node.pod(), path: binDir() }
}

/** A node whose flannel finds other files for its delegates, which it has to execute. */
function executedDelegates(scope: Scope): Setting {
  const setting = ownDelegates(scope)
  const path = join(setting.node.dir, 'bin')
  for (const name of ['bridge', 'host-local']) {
    writeScript(path, name, `exec ${join(binDir(), name)} "$@"`)
  }
  return { ...setting, path }
}

/** A node with a resident server. */
async function residentDelegates(scope: Test): Promise<Setting> {
  const setting = ownDelegates(scope)
  return { ...setting, socket: (await startResident(scope, setting.node)).socket }
}

function writeScript(folder: string, name: string, script: string): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

function writeSubnetEnv({ dir }: Node, subnet: string): void {
  const lines = ['FLANNEL_NETWORK=10.244.0.0/16', `FLANNEL_SUBNET=${subnet}`, 'FLANNEL_MTU=1450']
  writeFileSync(join(dir, 'subnet.env'), [...lines, 'FLANNEL_IPMASQ=true', ''].join('\n'))
}

/** Calls flannel for the pod; `keys` are added to its configuration. */
async function flannel(
  { node, pod, path, socket = '' }: Setting,
  command: string,
  keys: object = {},
  call: Call = {},
): Promise<Reply> {
  const conf = {
    cniVersion: '1.1.0',
    name: 'cbr0',
    type: 'flannel',
    subnetFile: join(node.dir, 'subnet.env'),
    dataDir: join(node.dir, 'state/flannel'),
    ipam: { dataDir: join(node.dir, 'state/networks') },
    delegate: { isDefaultGateway: true },
    ...keys,
  }
  const { containerId, netns } = pod
  return callPlugin(node, 'flannel', {
    ...{ command, containerId, netns, ifName: 'eth0', path, conf },
    ...call,
    env: { CNI_LOG_LEVEL: 'debug', FLANNEL_CNI_SOCKET: socket, ...call.env },
  })
}

/** What a caller can see of a call, and the state of the node after it, names of one run apart. */
function observe(setting: Setting, { code, stdout, stderr }: Reply): object {
  const { node, pod, path } = setting
  const seen = {
    stdout,
    logged: stderr.split('\n').sort(),
    files: filesBelow(join(node.dir, 'state')),
    node: interfaces(node),
    pod: [interfaces(pod), allRoutes(pod)],
  }
  const text = JSON.stringify(seen)
    .replaceAll(path, '<path>')
    .replaceAll(node.dir, '<dir>')
    .replaceAll(node.netns, '<own netns>')
    .replaceAll(pod.netns, '<netns>')
    .replaceAll(pod.containerId, '<id>')
    .replaceAll(/\b([\da-f]{2}:){5}[\da-f]{2}\b/g, '<mac>')
    .replaceAll(/\bveth[\da-f]{8}\b/g, '<veth>')
    // in the links of host-local, which are JSON: the namespace, and when addresses were written
    .replaceAll(/\\":\d{6,}(?:\.\d+)?/g, '\\":0')
    .replaceAll(/(?<=netnsCookie\\":\\")\d+/g, '0')
  return { code, ...JSON.parse(text) }
}

type Story = (setting: Setting) => AsyncGenerator<Reply>

/** What happens, one call after the other. */
const stories: Readonly<Record<string, Story>> = {
  async *'a life in every version'(setting) {
    for (const cniVersion of versions) {
      yield flannel(setting, 'ADD', { cniVersion })
      yield flannel(setting, 'DEL', { cniVersion })
    }
  },
  async *'every command'(setting) {
    yield flannel(setting, 'STATUS')
    const add = await flannel(setting, 'ADD')
    yield add
    const prevResult = add.json
    yield flannel(setting, 'CHECK', { prevResult })
    const valid = [{ containerID: setting.pod.containerId, ifname: 'eth0' }]
    yield flannel(setting, 'GC', { 'cni.dev/valid-attachments': valid })
    yield flannel(setting, 'CHECK', { prevResult })
    yield flannel(setting, 'GC', { 'cni.dev/valid-attachments': [] })
    yield flannel(setting, 'CHECK', { prevResult })
    yield flannel(setting, 'DEL', { prevResult })
    yield flannel(setting, 'DEL', {}, { netns: '' })
  },
  async *'mistakes in the configuration'(setting) {
    for (const delegate of [
      { mtu: 'large' },
      { hairpinMode: true, promiscMode: true },
      { bridge: '../x' },
      { type: 'nowhere' },
      { type: 'a/b' },
      { type: '' },
      { cniVersion: '9.9.9' },
    ]) {
      yield flannel(setting, 'ADD', { delegate })
      yield flannel(setting, 'STATUS', { delegate })
      yield flannel(setting, 'DEL', { delegate })
    }
    yield flannel(setting, 'ADD', { ipam: { type: 'nowhere' } })
    yield flannel(setting, 'ADD', { ipam: { routes: [{ dst: 'x' }] } })
    yield flannel(setting, 'ADD', { cniVersion: '0.2.0', ipam: { type: '' } })
  },
  async *'a sandbox that is none'(setting) {
    for (const netns of ['/nowhere', '/etc/hostname', setting.node.netns]) {
      yield flannel(setting, 'ADD', {}, { netns })
      yield flannel(setting, 'DEL', {}, { netns })
    }
  },
  async *'no address left'(setting) {
    writeSubnetEnv(setting.node, '10.244.1.1/30')
    yield flannel(setting, 'ADD', {}, { ifName: 'one' })
    yield flannel(setting, 'ADD', {}, { ifName: 'two' })
    yield flannel(setting, 'STATUS')
    yield flannel(setting, 'DEL', {}, { ifName: 'two' })
    yield flannel(setting, 'DEL', {}, { ifName: 'one' })
  },
}

for (const [name, story] of Object.entries(stories)) {
  t.test(`${name}: alike in one process, in several, and in the server's`, options, async (t) => {
    const resident = frontSkip() === false ? [await residentDelegates(t)] : []
    const [own, ...others] = [ownDelegates(t), executedDelegates(t), ...resident]
    const told = story(own)
    const retold = others.map((setting) => ({ setting, story: story(setting) }))
    for (let call = 1; ; call++) {
      const [reply, ...replies] = await Promise.all(
        [told, ...retold.map(({ story }) => story)].map((each) => each.next()),
      )
      if (reply === undefined || reply.done === true) break
      const expected = observe(own, reply.value)
      for (const [index, { setting }] of retold.entries()) {
        const other = replies[index]
        if (other === undefined || other.done === true) throw new Error('the story ended early')
        t.strictSame(observe(setting, other.value), expected, `call ${call}`)
      }
    }
  })
}

const traced = { skip: options.skip || straceSkip() }

t.test('one process when the delegates are this executable', traced, async (t) => {
  const counts: number[] = []
  for (const setting of [ownDelegates(t), executedDelegates(t)]) {
    const file = join(setting.node.dir, 'processes')
    const argv = (executable: string) => watching(file, [executable])
    const { code, stdout } = await flannel(setting, 'ADD', {}, { argv })
    t.equal(code, 0, stdout)
    counts.push(processes(file))
  }
  t.strictSame(counts, [1, 3])
})

const ip = { address: '10.244.1.2/24', gateway: '10.244.1.1' }
const foreign: [script: string, stdout: object][] = [
  [
    `echo '{"cniVersion": "0.3.1", "ips": [{"version": "4", "address": "${ip.address}"}]}'`,
    { cniVersion: '1.1.0', ips: [{ address: ip.address }] },
  ],
  ['echo null', { cniVersion: '1.1.0' }],
  [
    'echo oops',
    {
      code: 999,
      msg:
        'failed to delegate add: failed to unmarshal raw result: ' +
        `Unexpected token 'o', "oops " is not valid JSON`,
      details: 'foreign printed "oops\\n" instead of a result',
    },
  ],
  [
    `echo '{"code": 11, "msg": "later"}'; exit 1`,
    { code: 11, msg: 'later', details: 'in foreign' },
  ],
  [
    'echo no device >&2; exit 1',
    { code: 0, msg: 'netplugin failed: "no device\\n"', details: 'in foreign' },
  ],
  [
    'exit 3',
    {
      code: 0,
      msg: 'netplugin failed with no error message: exit status 3',
      details: 'in foreign',
    },
  ],
]

t.test('a delegate of somebody else', options, async (t) => {
  const setting = ownDelegates(t)
  const folder = join(setting.node.dir, 'bin')
  const delegate = { type: 'foreign' }
  for (const [script, stdout] of foreign) {
    writeScript(folder, 'foreign', script)
    const reply = await flannel({ ...setting, path: folder }, 'ADD', { delegate })
    t.strictSame(reply.json, stdout)
    t.equal(reply.code, 'code' in stdout ? 1 : 0)
  }
  chmodSync(join(folder, 'foreign'), 0o644)
  const { json } = await flannel({ ...setting, path: folder }, 'ADD', { delegate })
  t.match(json, {
    code: 999,
    msg: `failed to delegate add: failed to find plugin "foreign" in path [${folder}]`,
    details: `chmod 755 ${folder}/foreign`,
  })
})
