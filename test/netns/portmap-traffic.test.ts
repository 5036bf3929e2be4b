/** Host ports that the portmap plugin opens, with packets on them, by both backends. */
import { existsSync } from 'node:fs'
import t from 'tap'
import { getSysctl, kernelSkip, setSysctl } from '../../scripts/lab/node.ts'
import { type End, openEnd } from '../support/echo.ts'
import {
  bridgeIp,
  clientIp,
  makePortmapNode,
  nodeIp,
  ports,
  secondNodeIp,
} from '../support/portmap.ts'

const options = { skip: kernelSkip() }
const mappings = ports(
  { hostPort: 8080, containerPort: 80 },
  { hostPort: 8080, containerPort: 80, protocol: 'udp' },
)

for (const backend of ['nftables', 'iptables'] as const) {
  t.test(backend, options, async (t) => {
    const { node, client, network, pod } = makePortmapNode(t, { backend })
    const pods = [pod(), pod()] as const
    const [outside, host, web, other] = [client, node, ...pods].map((each) => openEnd(t, each)) as [
      End,
      End,
      End,
      End,
    ]
    await web.serve('web', 80)
    await other.serve('other', 8080)
    t.equal(await outside.ask('tcp', nodeIp[4], 8080), '', 'nothing answers yet')
    const { ips } = await network.attach(pods[0], mappings)
    t.match(ips, [{ address: `${pods[0].ip[4]}/24` }, { address: `${pods[0].ip[6]}/64` }])

    for (const family of [4, 6] as const) {
      const [direct, routed] = pods.map(({ ip }) => ip[family])
      const fromClient = `web saw ${clientIp[family]}`
      const fromBridge = `web saw ${bridgeIp[family]}`
      for (const protocol of ['tcp', 'udp'] as const) {
        const seen = async (who: End, address = '', port = 8080) => who.ask(protocol, address, port)
        t.equal(await seen(outside, direct, 80), fromClient, 'directly')
        t.equal(await seen(outside, nodeIp[family]), fromClient, 'by a host address')
        t.equal(await seen(outside, secondNodeIp[family]), fromClient, 'by another')
        t.equal(await seen(outside, routed), `other saw ${clientIp[family]}`, 'past the node')
        t.equal(await seen(host, nodeIp[family]), `web saw ${nodeIp[family]}`, 'from the node')
        t.equal(await seen(other, bridgeIp[family]), fromBridge, 'from another pod')
        t.equal(await seen(web, nodeIp[family]), fromBridge, 'from the pod itself')
      }
      if (existsSync('/proc/sys/net/bridge')) {
        const name = { 4: 'iptables', 6: 'ip6tables' }[family]
        setSysctl(node, `net/bridge/bridge-nf-call-${name}`, '0')
      }
      t.equal(
        await other.ask('tcp', nodeIp[family], 8080),
        fromBridge,
        'from another pod, when bridged packets bypass netfilter',
      )
    }
    t.equal(await host.ask('tcp', '127.0.0.1', 8080), `web saw ${bridgeIp[4]}`, 'by 127.0.0.1')
    t.equal(getSysctl(node, 'net/ipv4/conf/br0/route_localnet'), '1')

    await network.silent('CHECK', pods[0], mappings)
    await network.silent('DEL', pods[0], mappings)
    t.equal(await outside.ask('tcp', nodeIp[4], 8080), '', 'closed again')
    t.equal(await outside.ask('tcp', nodeIp[6], 8080), '', 'closed again')
  })
}
