/** The resident server dies while it is at work: every call still gets its right answer. */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import t from 'tap'
import { frontSkip } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { veths } from '../support/bridge-network.ts'
import { makeFlannelNetwork } from '../support/flannel-network.ts'
import { subnetEnv } from '../support/flannel.ts'
import type { Output } from '../support/plugin-call.ts'
import { startResident } from '../support/resident.ts'

const options = { skip: kernelSkip() || frontSkip() }
const burst = 24

t.test('killed in the middle of a burst, again and again', options, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const via = { env: { FLANNEL_CNI_SOCKET: join(node.dir, 'resident/cni.sock') } }
  const pods = Array.from({ length: burst }, () => node.pod())
  const results = new Map<string, Output>()
  let lost = 0

  /** Does it for all pods at once, while one server after the other is killed. */
  const underFire = async (work: (index: number) => Promise<void>) => {
    const all = Promise.all(pods.map((_, index) => work(index)))
    let isDone = false
    const done = all.finally(() => (isDone = true))
    while (!isDone) {
      const server = await startResident(t, node)
      await Promise.race([done, setTimeout(40 + Math.random() * 80)])
      await server.kill()
      lost++
    }
    await done
  }

  await underFire(async (index) => {
    const pod = pods[index] ?? node.pod()
    results.set(pod.containerId, await attach(network.call('ADD', pod, {}, via)))
  })
  const addresses = [...results.values()].flatMap(({ ips = [] }) => ips.map((ip) => ip.address))
  t.equal(new Set(addresses).size, burst, 'everybody has an address, and nobody the same')
  t.equal(veths(node).length, burst)
  t.equal(network.reserved().length, burst)
  for (const pod of pods) {
    await network.silent('CHECK', pod, { prevResult: results.get(pod.containerId) })
  }
  await underFire((index) => network.silent('DEL', pods[index] ?? node.pod(), {}, via))
  t.strictSame([veths(node), network.reserved(), network.saved()], [[], [], {}])
  t.ok(lost > 2, `${lost} servers were killed`)
})

/** The result of an ADD that may have had to say what an earlier one left. */
async function attach(call: Promise<{ code: number | null; stdout: string; json: Output }>) {
  const { code, stdout, json } = await call
  if (code !== 0) throw new Error(stdout)
  return json
}

t.test('told to stop in the middle of a burst', options, async (t) => {
  const node = makeNode(t)
  const network = makeFlannelNetwork(node, subnetEnv)
  const via = { env: { FLANNEL_CNI_SOCKET: join(node.dir, 'resident/cni.sock') } }
  const pods = Array.from({ length: burst }, () => node.pod())
  const server = await startResident(t, node)
  const adds = pods.map((pod) => network.attach(pod, {}, via))
  await setTimeout(60)
  const code = await server.stop()
  await Promise.all(adds)
  t.equal(code, 0)
  t.match(server.said(), /stopped: \d+ calls served, \d+ declined, 0 lost/)
  await Promise.all(pods.map((pod) => network.silent('DEL', pod, {}, via)))
  t.strictSame([veths(node), network.reserved()], [[], []])
})
