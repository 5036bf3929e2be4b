/** GC and STATUS of the portmap plugin, by both backends. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, type Pod } from '../../scripts/lab/node.ts'
import { recordsOf, rulesOf, tracesOf } from '../support/portmap-rules.ts'
import { makePortmapNode, ports } from '../support/portmap.ts'

const options = { skip: kernelSkip() }

function valid(...pods: Pod[]): object {
  const list = pods.map(({ containerId }) => ({ containerID: containerId, ifname: 'eth0' }))
  return { 'cni.dev/valid-attachments': list }
}

for (const backend of ['nftables', 'iptables'] as const) {
  t.test(`${backend}: GC`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const { network } = node
    const pods = [node.pod(), node.pod(), node.pod()] as const
    const [kept, gone, elsewhere] = pods
    for (const [index, pod] of pods.entries()) {
      const name = pod === elsewhere ? 'net2' : 'net1'
      await network.attach(pod, { name, ...ports({ hostPort: 8000 + index, containerPort: 80 }) })
    }
    await network.silent('GC', kept, valid(kept, gone))
    t.equal(recordsOf(node).length, 3)

    await network.silent('GC', kept, valid(kept))
    t.notMatch(rulesOf(node), '10.9.0.3:80')
    t.notMatch(rulesOf(node), gone.containerId)
    t.equal(recordsOf(node).length, 2)
    await network.silent('CHECK', kept, ports({ hostPort: 8000, containerPort: 80 }))
    const other = { name: 'net2', ...ports({ hostPort: 8002, containerPort: 80 }) }
    await network.silent('CHECK', elsewhere, other)

    const { code, msg } = await network.refused('GC', kept, { 'cni.dev/valid-attachments': 'all' })
    t.equal(code, 7)
    t.match(msg, 'cni.dev/valid-attachments')
    t.equal(recordsOf(node).length, 2, 'without a list nothing is removed')
    await network.silent('GC', kept, valid())
    t.strictSame(
      tracesOf(node, kept).filter((line) => line.includes('10.9.0.2')),
      [],
    )
    await network.silent('CHECK', elsewhere, other)
  })

  t.test(`${backend}: STATUS`, options, async (t) => {
    const node = makePortmapNode(t, { backend })
    const before = rulesOf(node)
    await node.network.silent('STATUS', node.pod())
    t.equal(rulesOf(node), before)
  })
}

t.test('GC of rules without a record', options, async (t) => {
  const node = makePortmapNode(t, { backend: 'iptables' })
  const pods = [node.pod(), node.pod(), node.pod()] as const
  const [kept, , elsewhere] = pods
  for (const [index, pod] of pods.entries()) {
    const name = pod === elsewhere ? 'net2' : 'net1'
    const port = ports({ hostPort: 8000 + index, containerPort: 80 })
    await node.network.attach(pod, { name, ...port })
  }
  node.run('rm', '-r', join(node.node.dir, 'portmap'))
  await node.network.silent('GC', kept, valid(kept))
  const rules = rulesOf(node)
  t.match(rules, '10.9.0.2:80')
  t.notMatch(rules, '10.9.0.3:80')
  t.match(rules, '10.9.0.4:80', 'of another network')
})

t.test('GC removes what killed calls had begun to record', options, async (t) => {
  const node = makePortmapNode(t)
  const { network } = node
  const [kept, gone] = [node.pod(), node.pod()]
  await network.attach(kept, ports({ hostPort: 8000, containerPort: 80 }))
  const unfinished = (pod: Pod, name = 'net1') => `.${name}:${pod.containerId}:eth0`
  const files = [unfinished(kept), unfinished(gone), unfinished(gone, 'net2')]
  for (const file of files) writeFileSync(join(node.node.dir, 'portmap', file), '')
  await network.silent('GC', kept, valid(kept))
  const rest = recordsOf(node).filter((name) => name.startsWith('.'))
  t.strictSame(rest.sort(), [unfinished(kept), unfinished(gone, 'net2')].sort())
})
