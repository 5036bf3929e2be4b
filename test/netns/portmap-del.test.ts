/** What DELs of the portmap plugin leave, by both backends. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip } from '../../scripts/lab/node.ts'
import { rulesOf, tracesOf } from '../support/portmap-rules.ts'
import { makePortmapNode, ports } from '../support/portmap.ts'
import { straceSkip } from '../support/system-calls.ts'

const options = { skip: kernelSkip() }
const mappings = ports(
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 53, containerPort: 53, protocol: 'udp' },
)

for (const backend of ['nftables', 'iptables'] as const) {
  t.test(`${backend}: DEL whatever it is given`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const pod = node.pod()
    const other = { nftables: 'iptables', iptables: 'nftables' }[backend]
    for (const [what, keys] of Object.entries({
      'no mappings': {},
      'other mappings': ports({ hostPort: 1, containerPort: 1 }),
      'a bad mapping': ports({ hostPort: 0, containerPort: 1 }),
      'no prevResult': { prevResult: undefined },
      'the other backend': { backend: other },
      'no such backend': { backend: 'ipfw' },
    })) {
      await node.network.attach(pod, mappings)
      t.not(tracesOf(node, pod).length, 0)
      const { code, stdout } = await node.network.call('DEL', pod, keys)
      t.strictSame([code, stdout], [0, ''], what)
      t.strictSame(tracesOf(node, pod), [], what)
    }
    await node.network.attach(pod, mappings)
    node.run('rm', '-r', join(node.node.dir, 'portmap'))
    await node.network.silent('DEL', pod, {}, { netns: '' })
    t.strictSame(tracesOf(node, pod), [], 'no mappings, no record, no sandbox')
  })

  t.test(`${backend}: two attachments of a container`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const { network } = node
    const pod = node.pod()
    const second = ports({ hostPort: 9090, containerPort: 90 })
    await network.attach(pod, mappings)
    const before = rulesOf(node)
    const prevResult = {
      cniVersion: '1.1.0',
      interfaces: [{ name: 'net1', sandbox: pod.netns }],
      ips: [{ address: '10.9.1.2/24', interface: 0 }],
    }
    for (const name of ['net1', 'net2']) {
      const keys = { name, prevResult, ...second }
      await network.attach(pod, keys, { ifName: 'net1' })
      t.match(rulesOf(node), '10.9.1.2:90')
      await network.silent('CHECK', pod, keys, { ifName: 'net1' })
      await network.silent('CHECK', pod, mappings)
      await network.silent('DEL', pod, keys, { ifName: 'net1' })
      t.strictSame(rulesOf(node).split('\n').sort(), before.split('\n').sort())
    }
    await network.attach(pod, { name: 'net1', prevResult, ...second }, { ifName: 'net1' })
    await network.silent('DEL', pod, mappings)
    t.match(tracesOf(node, pod).join('\n'), /9090/, 'the other attachment keeps its rules')
    t.notMatch(tracesOf(node, pod).join('\n'), /8080/)
  })

  t.test(`${backend}: ten DELs at once`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const pods = Array.from({ length: 3 }, () => node.pod())
    for (const [index, pod] of pods.entries()) {
      await node.network.attach(pod, ports({ hostPort: 8000 + index, containerPort: 80 }))
    }
    const [first, ...others] = pods
    if (first === undefined) throw new Error('there are three pods')
    const port = ports({ hostPort: 8000, containerPort: 80 })
    await Promise.all(Array.from({ length: 10 }, () => node.network.silent('DEL', first, port)))
    t.notMatch(rulesOf(node), ':80 comment "' + first.containerId)
    t.notMatch(rulesOf(node), '10.9.0.2:80')
    for (const [index, pod] of others.entries()) {
      const keys = ports({ hostPort: 8001 + index, containerPort: 80 })
      await node.network.silent('CHECK', pod, keys)
    }
    await Promise.all(others.map((pod) => node.network.silent('DEL', pod)))
    t.notMatch(rulesOf(node), /10\.9\.0\.\d+:80/)
  })
}

t.test(
  'a repeated DEL asks the kernel in one go',
  { skip: kernelSkip() || straceSkip() },
  async (t) => {
    const node = makePortmapNode(t)
    const [pod, other] = [node.pod(), node.pod()]
    const calls = join(node.node.dir, 'calls')
    const strace = ['strace', '-qq', '-f', '-e', 'trace=socket,execve', '-o', calls]
    const traced = node.networkWith({}, (executable) => [...strace, executable])
    const count = (text: string) => readFileSync(calls, 'utf8').split(text).length - 1
    const front = await traced.silent('DEL', pod).then(() => count('execve('))
    for (const others of [false, true]) {
      if (others) await node.network.attach(other, ports({ hostPort: 8081, containerPort: 80 }))
      for (const keys of [{}, mappings]) {
        await traced.silent('DEL', pod, keys)
        const asks = others && keys === mappings ? 3 : 1
        t.equal(
          count('NETLINK_NETFILTER'),
          asks,
          'again only for a chain of its own, in each family',
        )
        t.equal(count('execve('), front, 'no program is started')
      }
    }
  },
)
