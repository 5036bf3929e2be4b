/** Many calls of host-local at once, each a process of its own. */
import { randomInt } from 'node:crypto'
import { setImmediate, setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { sized } from '../support/fault-size.ts'
import { hostLocalNetwork } from '../support/fault-subject.ts'
import { reserved } from '../support/ipam.ts'
import type { Network } from '../support/network.ts'
import type { Reply } from '../support/plugin-call.ts'

const skip = kernelSkip()

/** Containers in one sandbox: host-local does not enter it. */
function crowdOf(node: Node, count: number): Pod[] {
  const pod = node.pod()
  return Array.from({ length: count }, (_, index) => ({ ...pod, containerId: `c${index}` }))
}

/** Starts a command for every pod before the first one has ended. */
async function atOnce(network: Network, command: string, pods: readonly Pod[]): Promise<Reply[]> {
  const replies: Promise<Reply>[] = []
  for (const pod of pods) {
    replies.push(network.call(command, pod))
    await setImmediate() // stdin is closed by the event loop
  }
  return Promise.all(replies)
}

function addressOf({ json }: Reply): string {
  return json.ips?.[0]?.address.replace(/\/.*/, '') ?? ''
}

t.test('more pods than addresses', { skip }, async (t) => {
  const node = makeNode(t)
  const { subnet, capacity, pods } = sized(
    { subnet: '10.1.2.0/24', capacity: 253, pods: 260 },
    { subnet: '10.1.2.0/27', capacity: 29, pods: 34 },
  )
  const network = hostLocalNetwork(node, subnet)
  const crowd = crowdOf(node, pods)
  const replies = await atOnce(network, 'ADD', crowd)
  const addresses = replies.filter(({ code }) => code === 0).map(addressOf)
  t.equal(addresses.length, capacity)
  t.equal(new Set(addresses).size, capacity, 'no address twice')
  t.strictSame(reserved(node).sort(), addresses.sort())
  for (const { json } of replies.filter(({ code }) => code !== 0)) {
    t.match(json, { code: 11, msg: /no IP addresses available in range set: / })
  }
  const removals = await atOnce(network, 'DEL', crowd)
  t.strictSame(
    removals.filter(({ code }) => code !== 0),
    [],
  )
  t.strictSame(reserved(node), [])
})

t.test('commands of every kind', { skip }, async (t) => {
  const node = makeNode(t)
  const network = hostLocalNetwork(node, '10.1.2.0/24')
  const pods = crowdOf(node, sized(100, 10))
  const attachments = pods.map(({ containerId }) => ({ containerID: containerId, ifname: 'eth0' }))
  const holders = new Map<string, string>()
  const end = Date.now() + sized(60_000, 5000)
  let calls = 0

  // Who waits for the lock for 10 s is told so, and the runtime tries again.
  const patiently: Network['call'] = async (...args) => {
    for (;;) {
      const reply = await network.call(...args)
      calls++
      if (reply.code === 0) return reply
      // on a busy machine it is this process that closes a stdin too late
      if (/^error reading from stdin: not closed/.test(reply.json.msg ?? '')) continue
      t.match(reply.json, { code: 11, msg: /^waited \d+ ms for the lock / }, reply.stdout)
      t.match(reply.json.details, /^held by /)
      if (reply.json.code !== 11) return reply
    }
  }
  const live = async (pod: Pod) => {
    while (Date.now() < end) {
      const added = await patiently('ADD', pod)
      const address = addressOf(added)
      if (holders.has(address)) t.fail(`${address} is ${holders.get(address)}'s already`)
      holders.set(address, pod.containerId)
      await sleep(randomInt(50))
      await patiently('CHECK', pod, { prevResult: added.json })
      if (randomInt(5) === 0) {
        await patiently('GC', pod, { 'cni.dev/valid-attachments': attachments })
        await patiently('CHECK', pod, { prevResult: added.json })
      }
      holders.delete(address)
      await patiently('DEL', pod)
    }
  }
  await Promise.all(pods.map(live))
  t.ok(calls >= 3 * pods.length, `${calls} calls`)
  t.strictSame(reserved(node), [])
})
