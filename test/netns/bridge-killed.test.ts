/** ADDs of the bridge plugin that are killed, at every message that they send to the kernel. */
import { join } from 'node:path'
import t from 'tap'
import { binDir } from '../../scripts/lab/executables.ts'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../scripts/lab/run.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { globalCidrs, link } from '../support/ip.ts'
import { hostLocal, reserved } from '../support/ipam.ts'

/** Why calls cannot be killed at a given message here, or false when they can. */
function straceSkip(): string | false {
  try {
    runSync(['strace', '-qq', '-e', 'trace=none', 'true'])
    return false
  } catch (error) {
    return `strace cannot be used here: ${error instanceof Error ? error.message : error}`
  }
}

/** Runs an ADD that is killed when it sends its `count`th message; whether it came that far. */
async function addKilled(node: Node, pod: Pod, conf: object, count: number): Promise<boolean> {
  const env = {
    PATH: process.env['PATH'],
    CNI_COMMAND: 'ADD',
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.netns,
    CNI_IFNAME: 'eth0',
    CNI_PATH: binDir(),
  }
  const kill = ['-e', 'trace=sendto', '-e', `inject=sendto:signal=KILL:when=${count}`]
  const strace = ['strace', '-f', '-qq', '-o', '/dev/null', ...kill, join(binDir(), 'bridge')]
  const stdin = JSON.stringify({ cniVersion: '1.1.0', name: 'net1', type: 'bridge', ...conf })
  const { code } = await run(inside(node.netns, strace), { stdin, env })
  return code !== 0
}

t.test(
  'a repeated ADD heals whatever a killed one left',
  {
    skip: kernelSkip() || straceSkip(),
  },
  async (t) => {
    let count = 1
    for (;;) {
      const node = makeNode(t)
      const pod = node.pod()
      const ipam = hostLocal(node, '10.1.2.0/24', 'fd00::/64')
      const conf = { isDefaultGateway: true, hairpinMode: true, mtu: 1400, ipam }
      if (!(await addKilled(node, pod, conf, count))) break
      const network = makeNetwork(node, conf)
      const { code, json: prevResult, stdout } = await network.call('ADD', pod)
      t.equal(code, 0, `killed at message ${count}: ${stdout}`)
      t.equal(veths(node).length, 1)
      t.equal(reserved(node).length, 2)
      t.match(link(node, 'cni0'), { mtu: 1400 })
      t.strictSame(globalCidrs(node, 'cni0'), ['10.1.2.1/24', 'fd00::1/64'])
      await network.silent('CHECK', pod, { prevResult })
      await network.silent('DEL', pod)
      t.strictSame([veths(node), reserved(node), link(pod, 'eth0')], [[], [], undefined])
      count++
    }
    t.ok(count > 8, `an ADD sends ${count - 1} messages`)
  },
)

t.test(
  'a DEL removes whatever a killed ADD left',
  {
    skip: kernelSkip() || straceSkip(),
  },
  async (t) => {
    const node = makeNode(t)
    const conf = { isDefaultGateway: true, ipam: hostLocal(node, '10.1.2.0/24') }
    const network = makeNetwork(node, conf)
    for (let count = 1; ; count++) {
      const pod = node.pod()
      const killed = await addKilled(node, pod, conf, count)
      // without the sandbox, as after a crash of the runtime
      await network.silent('DEL', pod, {}, { netns: '' })
      t.strictSame(
        [veths(node), reserved(node), link(pod, 'eth0')],
        [[], [], undefined],
        `${count}`,
      )
      if (!killed) break
    }
  },
)
