/** What the resident server holds open when calls are over: nothing, and no pod's namespace. */
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { frontSkip } from '../support/executables.ts'
import { subnetEnv } from '../support/flannel.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { links } from '../support/ip.ts'
import { addNamespace, kernelSkip, makeNode, type Pod } from '../support/node.ts'
import { startResident } from '../support/resident.ts'
import { runSync } from '../support/run.ts'

const options = { skip: kernelSkip() || frontSkip() }
const burst = 60

/** A node with a server, and a namespace that witnesses the lives of pods. */
async function setUp(t: Test) {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const server = await startResident(t, node)
  const via = { env: { FLANNEL_CNI_SOCKET: server.socket } }
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

/** The sockets that a process holds open. */
function sockets(pid = 0): string[] {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).flatMap((fd) => {
    const file = readlink(join(folder, fd))
    return file.startsWith('socket:') ? [file] : []
  })
}

/** The target of a link; empty when it is gone by now. */
function readlink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return '' // closed between the list and the look
  }
}

/** Waits until a list has no more entries than this; the list as it is after 5 s at most. */
async function settled(list: () => string[], length: number): Promise<string[]> {
  for (let tries = 0; tries < 50 && list().length > length; tries++) await setTimeout(100)
  return list()
}

t.test('namespaces die with their pods', options, async (t) => {
  const { network, server, via, pod, alive } = await setUp(t)
  const pid = server.process.pid
  const first = pod('first')
  await network.attach(first, {}, via)
  await network.silent('DEL', first, {}, via)
  runSync(['ip', 'netns', 'delete', first.name])
  t.strictSame(await settled(alive, 0), [], 'of one that nobody came after')
  const before = sockets(pid)

  for (const round of [1, 2]) {
    const pods = Array.from({ length: burst }, (_, index) => pod(`p${index}`))
    t.equal(alive().length, burst)
    await Promise.all(
      pods.map(async (pod) => {
        await network.attach(pod, {}, via)
        await network.silent('DEL', pod, {}, via)
      }),
    )
    for (const { name } of pods) runSync(['ip', 'netns', 'delete', name])
    t.strictSame(await settled(alive, 0), [], `burst ${round}`)
    t.strictSame(await settled(() => sockets(pid), before.length), before, `burst ${round}`)
  }
  t.equal(await server.stop(), 0)
  t.match(server.said(), `stopped: ${2 + 4 * burst} calls served, 0 declined, 0 lost`)
})
