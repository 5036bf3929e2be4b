/** Five nodes, of which each reaches all others; nodes that come and go. */
import t from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../../scripts/lab/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { FlannelCluster, type FlannelNode, publicIp } from '../../support/flannel-cluster.ts'
import { reaches } from '../../support/ip.ts'
import { macOf, overlayState } from '../../support/overlay-state.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip()

/** What a node is to have for the others. */
function expected(others: readonly FlannelNode[]) {
  return {
    neighbours: others.map((node) => `10.244.${node.number}.0 ${macOf(node)}`).sort(),
    fdb: others.map((node) => `${macOf(node)} ${publicIp(node.number)} self`).sort(),
    routes: others
      .map(({ number }) => `10.244.${number}.0/24 via 10.244.${number}.0 onlink`)
      .sort(),
  }
}

t.test('a mesh', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t, { wires: [5] })

  const isMesh = async (nodes: readonly FlannelNode[]) => {
    for (const node of nodes) {
      const others = nodes.filter((other) => other !== node)
      const wanted = expected(others)
      const state = () => {
        const { neighbours, fdb, routes } = overlayState(node) ?? {}
        return { neighbours, fdb, routes }
      }
      await eventually(
        `node ${node.number}`,
        () => JSON.stringify(state()) === JSON.stringify(wanted),
      )
      t.strictSame(state(), wanted, `node ${node.number}`)
    }
  }

  await t.test('of five nodes', async (t) => {
    await isMesh(cluster.nodes)
    const [one, ...others] = cluster.nodes
    if (one === undefined) throw new Error('there is no node')
    for (const { number } of others) t.ok(await reaches(one, `10.244.${number}.0`))
  })

  await t.test('a node more', async () => {
    const added = cluster.addNode()
    await added.agent.start()
    await isMesh(cluster.nodes)
  })

  await t.test('a node less', async () => {
    const [gone, ...rest] = cluster.nodes
    await gone?.agent.end('SIGTERM')
    await isMesh(rest.concat(gone ?? []))
    cluster.removeLease('10.244.1.0-24')
    await isMesh(rest)
  })
})
