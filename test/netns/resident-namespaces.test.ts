/** What the resident server holds open when calls are over: nothing, and no pod's namespace. */
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { binDir, frontSkip } from '../../scripts/lab/executables.ts'
import { addNamespace, kernelSkip, makeNode, type Pod } from '../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../scripts/lab/run.ts'
import { writeScript } from '../support/fake-executable.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import { links } from '../support/ip.ts'
import { type ResidentOptions, startResident } from '../support/resident.ts'

const options = { skip: kernelSkip() || frontSkip() }
const burst = 60

/** A delegate that takes its time. */
const slow = { delegate: { type: 'slow' } }
const slowScript = `#!/bin/sh
sleep 2
echo '{"cniVersion": "1.1.0"}'
`

/** Sends a call without its end, as a front that is killed. */
const cutScript = `
const socket = require('net').connect(process.argv[1])
socket.once('data', () => {
  socket.end('flannel\\0CNI_COMMAND=STATUS\\0CNI_PATH=/\\0\\0{"na')
  socket.on('data', (data) => console.log(String(data).trim()))
})`

/** A node with a server, and a namespace that witnesses the lives of pods. */
async function setUp(t: Test, residentOptions: Pick<ResidentOptions, 'maxIdleMs'> = {}) {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const server = await startResident(t, node, residentOptions)
  writeScript(join(node.dir, 'slow'), slowScript)
  const via = { path: `${node.dir}:${binDir()}`, env: { FLANNEL_CNI_SOCKET: server.socket } }
  const witness = addNamespace(t)
  /** A pod with a device of its own, whose other end the kernel removes when the pod's namespace dies. */
  const pod = (name: string): Pod => {
    const pod = node.pod()
    const peer = ['peer', 'name', 'own', 'netns', pod.name]
    runSync(['ip', '-n', witness.name, 'link', 'add', 'name', name, 'type', 'veth', ...peer])
    return pod
  }
  const alive = () => links(witness).flatMap(({ ifname }) => (ifname === 'lo' ? [] : [ifname]))
  return { node, network, server, via, pod, alive }
}

/** The files that a process holds open, of each thread those that its event loop has. */
function files(pid = 0): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((fd) => readlink(join(folder, fd)) || [])
}

/** Its sockets. */
function sockets(pid = 0): string[] {
  return files(pid).filter((file) => file.startsWith('socket:'))
}

/** The target of a link; empty when it is gone by now. */
function readlink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed between the list and the look
  }
}

/** Waits until a list has no more entries than this; the list as it is after 5 s at the latest. */
async function settled(list: () => string[], length: number): Promise<string[]> {
  for (let tries = 0; tries < 50 && list().length > length; tries++) await setTimeout(100)
  return list()
}

t.test('namespaces die with their pods', options, async (t) => {
  const { network, server, via, pod, alive } = await setUp(t)
  const pid = server.process.pid
  const atStart = sockets(pid)
  const first = pod('first')
  await network.attach(first, {}, via)
  await network.silent('DEL', first, {}, via)
  runSync(['ip', 'netns', 'delete', first.name])
  t.strictSame(await settled(alive, 0), [], 'of one that nobody came after')
  const before = await settled(() => sockets(pid), atStart.length)

  const pods = Array.from({ length: burst }, (_, index) => pod(`p${index}`))
  t.equal(alive().length, burst)
  await Promise.all(
    pods.map(async (pod) => {
      await network.attach(pod, {}, via)
      await network.silent('DEL', pod, {}, via)
    }),
  )
  for (const { name } of pods) runSync(['ip', 'netns', 'delete', name])
  t.strictSame(await settled(alive, 0), [])
  t.strictSame(await settled(() => sockets(pid), before.length), before)
  t.equal(await server.stop(), 0)
  // On a busy machine a front may do a call alone.
  t.match(server.said(), /stopped: (?:1[0-2]|[89])\d calls served, 0 declined, 0 lost/)
})

t.test('also while all threads are busy with somebody else', options, async (t) => {
  const { node, network, server, via, pod, alive } = await setUp(t)
  const pods = Array.from({ length: 4 }, (_, index) => pod(`p${index}`))
  await Promise.all(pods.map((pod) => network.attach(pod, {}, via)))
  const dels = Promise.all(pods.map((pod) => network.silent('DEL', pod, {}, via)))
  const others = Promise.all(Array.from({ length: 8 }, () => network.attach(node.pod(), slow, via)))
  await dels
  for (const { name } of pods) runSync(['ip', 'netns', 'delete', name])
  const started = performance.now()
  t.strictSame(await settled(alive, 0), [])
  t.ok(performance.now() - started < 1500, 'before the delegates have ended')
  await others
  t.equal(await server.stop(), 0)
})

t.test('a thread that ends leaves nothing', options, async (t) => {
  const { node, network, server, via, pod, alive } = await setUp(t, { maxIdleMs: 1000 })
  const { pid } = server.process
  const first = pod('first')
  await network.attach(first, {}, via)
  await network.silent('DEL', first, {}, via)
  runSync(['ip', 'netns', 'delete', first.name])
  t.strictSame(await settled(alive, 0), [])
  const before = files(pid)

  const pods = Array.from({ length: 16 }, (_, index) => pod(`p${index}`))
  const others = Array.from({ length: 16 }, () => network.attach(node.pod(), slow, via))
  await setTimeout(3500)
  const threads = files(pid).length
  t.ok(threads > before.length + 12, `${before.length} files, and ${threads} with more threads`)
  for (const pod of pods) await network.attach(pod, {}, via)
  await Promise.all(others)
  await Promise.all(pods.map((pod) => network.silent('DEL', pod, {}, via)))
  for (const { name } of pods) runSync(['ip', 'netns', 'delete', name])
  t.strictSame(await settled(alive, 0), [])
  t.strictSame((await settled(() => files(pid), before.length)).sort(), before.sort())
  t.equal(await server.stop(), 0)
})

t.test('calls that fail, and fronts that go away, leave nothing', options, async (t) => {
  const { node, network, server, via, pod, alive } = await setUp(t)
  const { pid } = server.process
  const [first, second] = [pod('first'), pod('second')]
  const atStart = sockets(pid)
  const prevResult = await network.attach(first, {}, via)
  const before = await settled(() => sockets(pid), atStart.length)
  const nowhere = { ...second, netns: '/nowhere' }
  writeScript(join(node.dir, 'broken'), '#!/bin/sh\nexit 1\n')

  t.match(await network.refused('ADD', first, {}, via), { code: 999 })
  t.match(await network.refused('ADD', nowhere, {}, via), { msg: /nowhere/ })
  for (const delegate of [{ mtu: 'large' }, { type: 'broken' }, { type: 'missing' }]) {
    await network.refused('ADD', second, { delegate }, via)
  }
  await network.refused('ADD', second, { cniVersion: '9.0' }, via)
  await network.refused('ADD', second, { args: 'x'.repeat(2 ** 20), delegate: { mtu: 'x' } }, via)
  await network.refused('CHECK', second, { prevResult }, via)
  await network.refused('STATUS', first, { subnetFile: '/nowhere' }, via)
  await network.silent('GC', first, { 'cni.dev/valid-attachments': [] }, via)
  await network.silent('DEL', nowhere, {}, via)
  for (const timeout of ['0.1', '1']) {
    const argv = (executable: string) => ['timeout', '--signal=KILL', timeout, executable]
    await network.call('ADD', second, slow, { ...via, argv })
  }
  const cut = [process.execPath, '-e', cutScript, server.socket]
  t.match(await run(inside(node.netns, cut)), { code: 0, stdout: 'declined\n' })

  t.strictSame(await settled(() => sockets(pid), before.length), before)
  for (const { name } of [first, second]) runSync(['ip', 'netns', 'delete', name])
  t.strictSame(await settled(alive, 0), [])
  t.equal(await server.stop(), 0)
})
