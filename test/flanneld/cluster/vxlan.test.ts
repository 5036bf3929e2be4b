/** Two nodes that their agents join by VXLAN. */
import t from 'tap'
import { kernelSkip } from '../../../scripts/lab/node.ts'
import { inside, missingProgram, runSync } from '../../../scripts/lab/run.ts'
import { vxlanSkip } from '../../support/cluster.ts'
import { etcdSkip } from '../../support/etcd.ts'
import { eventually } from '../../support/eventually.ts'
import { FlannelCluster, type FlannelNode } from '../../support/flannel-cluster.ts'
import { attachPod } from '../../support/flannel-node.ts'
import { reaches } from '../../support/ip.ts'
import { macOf, overlayState } from '../../support/overlay-state.ts'

const skip = kernelSkip() || etcdSkip() || vxlanSkip() || missingProgram('iptables')

t.test('two nodes', { skip }, async (t) => {
  const cluster = await FlannelCluster.start(t, { flags: ['--ip-masq'] })
  const [one, two] = cluster.pair

  await t.test('subnet.env', async (t) => {
    for (const { agent, number } of cluster.nodes) {
      const expected = `FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.${number}.1/24
FLANNEL_MTU=1450
FLANNEL_IPMASQ=true
`
      t.equal(agent.subnetEnv, expected)
    }
  })

  await t.test('the leases in etcd', async (t) => {
    for (const node of cluster.nodes) {
      const data = `{"VNI":1,"VtepMAC":"${macOf(node)}"}`
      t.equal(
        cluster.lease(`10.244.${node.number}.0-24`),
        `{"PublicIP":"192.168.9.${node.number}","PublicIPv6":null,"BackendType":"vxlan","BackendData":${data}}`,
      )
    }
  })

  await t.test('device, address, neighbour, FDB and route', async (t) => {
    const peers: [FlannelNode, FlannelNode][] = [
      [one, two],
      [two, one],
    ]
    for (const [node, peer] of peers) {
      const expected = {
        ...{ mtu: 1450, mac: macOf(node), isUp: true },
        ...{
          id: 1,
          local: `192.168.9.${node.number}`,
          port: 8472,
          learning: false,
          parent: 'eth0',
        },
        addresses: [`10.244.${node.number}.0/32`],
        neighbours: [`10.244.${peer.number}.0 ${macOf(peer)}`],
        fdb: [`${macOf(peer)} 192.168.9.${peer.number} self`],
        routes: [`10.244.${peer.number}.0/24 via 10.244.${peer.number}.0 onlink`],
      }
      await eventually('the peer', () => overlayState(node)?.routes.length === 1)
      t.strictSame(overlayState(node), expected)
    }
  })

  await t.test('rules', async (t) => {
    const list = (...words: string[]) =>
      runSync(inside(one.netns, ['iptables', ...words]))
        .trim()
        .split('\n')
    const [C, P] = ['10.244.0.0/16', '10.244.1.0/24']
    const masq = '-m comment --comment "flanneld masq"'
    t.strictSame(list('-t', 'nat', '-S', 'FLANNEL-POSTRTG'), [
      '-N FLANNEL-POSTRTG',
      `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${P} -d ${C} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${C} -d ${P} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG ! -s ${C} -d ${P} ${masq} -j RETURN`,
      `-A FLANNEL-POSTRTG -s ${C} ! -d 224.0.0.0/4 ${masq} -j MASQUERADE --random-fully`,
      `-A FLANNEL-POSTRTG ! -s ${C} -d ${C} ${masq} -j MASQUERADE --random-fully`,
    ])
    t.strictSame(list('-t', 'nat', '-S', 'POSTROUTING'), [
      '-P POSTROUTING ACCEPT',
      `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`,
    ])
    const forward = '-m comment --comment "flanneld forward"'
    t.strictSame(list('-S', 'FLANNEL-FWD'), [
      '-N FLANNEL-FWD',
      `-A FLANNEL-FWD -s ${C} ${forward} -j ACCEPT`,
      `-A FLANNEL-FWD -d ${C} ${forward} -j ACCEPT`,
    ])
    t.strictSame(list('-S', 'FORWARD'), [
      '-P FORWARD ACCEPT',
      `-A FORWARD ${forward} -j FLANNEL-FWD`,
    ])
  })

  await t.test('pods', async (t) => {
    const [first, second] = [await attachPod(one), await attachPod(two)]
    t.ok(await reaches(first, second.addresses[0] ?? ''))
    t.ok(await reaches(second, first.addresses[0] ?? ''))
    t.ok(await reaches(one, second.addresses[0] ?? ''), 'a node and a pod of another')
  })
})
