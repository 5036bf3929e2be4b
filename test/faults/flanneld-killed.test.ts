/** The node agent is killed at each system call of its start by which it changes something. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import t from 'tap'
import { getSysctl, kernelSkip } from '../../scripts/lab/node.ts'
import { inside, missingProgram, run, runSync } from '../../scripts/lab/run.ts'
import { type AgentCall, changesOf, killIn, traced } from '../support/agent-faults.ts'
import { vxlanSkip } from '../support/cluster.ts'
import { etcdSkip } from '../../scripts/lab/etcd.ts'
import { eventually } from '../support/eventually.ts'
import { sample } from '../support/fault-size.ts'
import { FlannelCluster, type FlannelNode, ip, vxlanLease } from '../support/flannel-cluster.ts'
import { subnetFile } from '../support/flannel-node.ts'
import { macOf, overlayState } from '../support/overlay-state.ts'
import { straceSkip } from '../support/system-calls.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip() || straceSkip() || missingProgram('iptables')

/** So often another call may meet the fault: how many come before it differs between runs. */
const maxAttempts = 10

t.test('killed while it starts', { skip }, async (t) => {
  const cluster = await FlannelCluster.make(t, { flags: ['--ip-masq'] })
  const [one, two] = cluster.pair
  cluster.putLease('10.244.70.0-24', vxlanLease(70))
  await two.agent.start()
  const expected = await startedState(cluster, one)
  await wipe(cluster, one)
  const calls = await record(cluster, one)
  t.ok(calls.length >= 8, `it changes something in ${calls.length} calls`)

  for (const call of sample(calls, 3)) {
    await t.test(`${call.name} ${call.object}`, async (t) => {
      await killAt(cluster, one, call)
      t.strictSame(await startedState(cluster, one), expected)
      t.match(cluster.lease('10.244.1.0-24'), macOf(one), 'the lease has the MAC of the device')
      const files = readdirSync(dirname(subnetFile(one)))
      t.ok(files.length <= 2, `there is at most one file beside subnet.env: ${files.join()}`)
      await wipe(cluster, one)
    })
  }
})

/** Starts the agent, and returns what it has made, but for its MAC, which is chosen at random. */
async function startedState(cluster: FlannelCluster, node: FlannelNode) {
  await node.agent.start()
  await eventually('the peers', () => overlayState(node)?.routes.length === 2)
  const { mac: _, ...state } = overlayState(node) ?? {}
  const rules = ['-t nat -S', '-S'].map((list) =>
    runSync(inside(node.netns, ['iptables', ...list.split(' ')])),
  )
  const acceptsRouters = getSysctl(node, 'net/ipv6/conf/flannel.1/accept_ra')
  const env = node.agent.subnetEnv
  await node.agent.end('SIGTERM')
  return { ...state, peers: cluster.nodes.length, rules, acceptsRouters, env }
}

/** Makes the node one on which no agent has run. */
async function wipe(cluster: FlannelCluster, node: FlannelNode): Promise<void> {
  if (overlayState(node) !== undefined) ip(node, 'link delete flannel.1')
  runSync(inside(node.netns, ['nft', 'flush', 'ruleset']))
  for (const file of readdirSync(dirname(subnetFile(node)))) {
    rmSync(`${dirname(subnetFile(node))}/${file}`)
  }
  cluster.forget(node)
}

/** The calls of an undisturbed start. */
async function record(cluster: FlannelCluster, node: FlannelNode): Promise<AgentCall[]> {
  const ended = run(inside(node.netns, traced(node)))
  await eventually('the peers', () => overlayState(node)?.routes.length === 2)
  for (const pid of runSync(['ip', 'netns', 'pids', node.name]).split('\n')) {
    const words = pid === '' ? '' : readFileSync(`/proc/${pid}/cmdline`, 'utf8')
    if (words.startsWith(node.agent.argv[0] ?? '')) process.kill(Number(pid), 'SIGTERM')
  }
  await ended
  await wipe(cluster, node)
  return changesOf(node)
}

async function killAt(cluster: FlannelCluster, node: FlannelNode, call: AgentCall): Promise<void> {
  let current = call
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (await killIn(node, current)) return
    await wipe(cluster, node)
    const seen = await record(cluster, node)
    current = seen.find(({ name, object }) => name === call.name && object === call.object) ?? call
  }
  throw new Error(`${call.name} ${call.object} was not met in ${maxAttempts} runs`)
}
