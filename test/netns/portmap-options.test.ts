/** What the options of the portmap plugin do to packets, by both backends. */
import t from 'tap'
import { kernelSkip, type Scope } from '../../scripts/lab/node.ts'
import { openEnd } from '../support/echo.ts'
import {
  bridgeIp,
  clientIp,
  makePortmapNode,
  nodeIp,
  ports,
  prevResult,
  secondNodeIp,
} from '../support/portmap.ts'

const options = { skip: kernelSkip() }
const backends = ['nftables', 'iptables'] as const
const web = { hostPort: 8080, containerPort: 80 }

/** A node with a pod that serves, and who asks it: the client, the node, and the pod itself. */
async function setUp(t: Scope, conf: object) {
  const { node, client, pod: addPod, network, run } = makePortmapNode(t, conf)
  const pod = addPod()
  const [outside, host, inside] = [openEnd(t, client), openEnd(t, node), openEnd(t, pod)]
  await inside.serve('web', 80)
  return { pod, network, run, outside, host, inside }
}

for (const backend of backends) {
  t.test(`${backend}: hostIP`, options, async (t) => {
    const { pod, network, outside } = await setUp(t, { backend })
    const mappings = ports(
      { ...web, hostIP: nodeIp[4] },
      { ...web, hostPort: 8081, hostIP: nodeIp[6] },
      { ...web, hostPort: 8082, hostIP: '0.0.0.0' },
      { ...web, hostPort: 8083, hostIP: '::' },
    )
    await network.attach(pod, mappings)
    for (const [port, address, isOpen] of [
      [8080, nodeIp[4], true],
      [8080, secondNodeIp[4], false],
      [8080, nodeIp[6], false],
      [8081, nodeIp[6], true],
      [8081, secondNodeIp[6], false],
      [8082, secondNodeIp[4], true],
      [8082, nodeIp[6], false],
      [8083, nodeIp[4], false],
      [8083, secondNodeIp[6], true],
    ] as const) {
      const answer = await outside.ask('tcp', address, port)
      t.equal(answer !== '', isOpen, `${port} on ${address}`)
    }
    await network.silent('CHECK', pod, mappings)
  })

  t.test(`${backend}: masqAll`, options, async (t) => {
    const { pod, network, outside, host, inside } = await setUp(t, { backend, masqAll: true })
    await network.attach(pod, ports(web))
    t.equal(await outside.ask('tcp', nodeIp[4], 8080), `web saw ${bridgeIp[4]}`)
    t.equal(await outside.ask('tcp', nodeIp[6], 8080), `web saw ${bridgeIp[6]}`)
    t.equal(await host.ask('tcp', '127.0.0.1', 8080), `web saw ${bridgeIp[4]}`)
    t.equal(await inside.ask('tcp', nodeIp[4], 8080), `web saw ${bridgeIp[4]}`)
    await network.silent('CHECK', pod, ports(web))
  })

  t.test(`${backend}: no snat`, options, async (t) => {
    const { pod, network, outside, host, inside } = await setUp(t, { backend, snat: false })
    await network.attach(pod, ports(web))
    t.equal(await outside.ask('tcp', nodeIp[4], 8080), `web saw ${clientIp[4]}`)
    t.equal(await host.ask('tcp', '127.0.0.1', 8080), '', 'route_localnet is not set')
    t.equal(await inside.ask('tcp', nodeIp[4], 8080), '', 'no hairpin')
    await network.silent('CHECK', pod, ports(web))
  })

  t.test(`${backend}: conditions`, options, async (t) => {
    const conf = {
      nftables: {
        conditionsV4: ['ip', 'saddr', '!=', clientIp[4]],
        conditionsV6: ['iifname', '"wire"'],
      },
      iptables: { conditionsV4: ['!', '-s', clientIp[4]], conditionsV6: ['-i', 'wire'] },
    }[backend]
    const { pod, network, outside, host } = await setUp(t, conf)
    await network.attach(pod, ports(web))
    t.equal(await outside.ask('tcp', nodeIp[4], 8080), '')
    t.equal(await host.ask('tcp', nodeIp[4], 8080), `web saw ${nodeIp[4]}`)
    t.equal(await outside.ask('tcp', nodeIp[6], 8080), `web saw ${clientIp[6]}`)
    t.equal(await host.ask('tcp', nodeIp[6], 8080), '')
    await network.silent('CHECK', pod, ports(web))
    await network.silent('DEL', pod, ports(web))
    t.equal(await host.ask('tcp', nodeIp[4], 8080), '')
  })

  t.test(`${backend}: markMasqBit`, options, async (t) => {
    const { pod, network, host, run } = await setUp(t, { backend, markMasqBit: 31 })
    await network.attach(pod, ports(web))
    t.equal(await host.ask('tcp', '127.0.0.1', 8080), `web saw ${bridgeIp[4]}`)
    await network.silent('CHECK', pod, ports(web))
    const rules = backend === 'iptables' ? run('iptables-save') : run('nft', 'list', 'ruleset')
    t.match(rules, '0x80000000')
    t.notMatch(rules, '0x2000')
  })
}

t.test('iptables: externalSetMarkChain', options, async (t) => {
  const conf = { externalSetMarkChain: 'KUBE-MARK-MASQ' }
  const { pod, network, host, run } = await setUp(t, conf)
  run('iptables', '-t', 'nat', '-N', 'KUBE-MARK-MASQ')
  run('iptables', '-t', 'nat', '-A', 'KUBE-MARK-MASQ', '-j', 'MARK', '--set-mark', '0x4000')
  const masquerade = ['-m', 'mark', '--mark', '0x4000', '-j', 'MASQUERADE']
  run('iptables', '-t', 'nat', '-A', 'POSTROUTING', ...masquerade)
  const ipv4 = { ...prevResult(pod), ips: [{ address: `${pod.ip[4]}/24`, interface: 1 }] }
  await network.attach(pod, { ...ports(web), prevResult: ipv4 })
  t.equal(await host.ask('tcp', '127.0.0.1', 8080), `web saw ${bridgeIp[4]}`)
  t.notMatch(run('iptables-save'), /CNI-HOSTPORT-(SETMARK|MASQ)/)
  await network.silent('CHECK', pod, { ...ports(web), prevResult: ipv4 })
})
