/** Calls at the same time, as the start of a node makes them. */
import t from 'tap'
import { kernelSkip, makeNode } from '../../scripts/lab/node.ts'
import { makeNetwork } from '../support/bridge-network.ts'
import { firewallSkip, ruleTraces } from '../support/firewall.ts'
import { hostLocal } from '../support/ipam.ts'

const options = { skip: kernelSkip() || firewallSkip() }

for (const ipMasqBackend of ['iptables', 'nftables']) {
  t.test(`many pods at once, ${ipMasqBackend}`, options, async (t) => {
    const node = makeNode(t)
    const ipam = hostLocal(node, '10.1.2.0/24', '2001:db8:1::/64')
    const keys = { isGateway: true, ipMasq: true, ipMasqBackend, macspoofchk: true, ipam }
    const network = makeNetwork(node, keys)
    const pods = Array.from({ length: 8 }, () => node.pod())
    await network.attach(node.pod())
    const others = ruleTraces(node)
    const results = await Promise.all(pods.map((pod) => network.attach(pod)))
    await Promise.all(
      pods.map((pod, index) => network.silent('CHECK', pod, { prevResult: results[index] })),
    )
    await Promise.all(pods.map((pod) => network.silent('DEL', pod)))
    t.strictSame(ruleTraces(node), others)
  })

  t.test(`one pod is deleted many times at once, ${ipMasqBackend}`, options, async (t) => {
    const node = makeNode(t)
    const ipam = hostLocal(node, '10.1.2.0/24', '2001:db8:1::/64')
    const keys = { isGateway: true, ipMasq: true, ipMasqBackend, macspoofchk: true, ipam }
    const network = makeNetwork(node, keys)
    const pod = node.pod()
    await network.attach(pod)
    await Promise.all(Array.from({ length: 8 }, () => network.silent('DEL', pod)))
    t.strictSame(ruleTraces(node), [])
  })
}
