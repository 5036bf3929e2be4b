/** The rules that masquerade a pod, as nft and iptables-save list them. */
import t from 'tap'
import { addNamespace, kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { makeNetwork } from '../support/bridge-network.ts'
import { firewallSkip, natRules, nft, ruleset, ruleTraces } from '../support/firewall.ts'
import { fakeIpam, hostLocal } from '../support/ipam.ts'

const options = { skip: kernelSkip() || firewallSkip() }

const conf = { name: 'mynet', ipMasq: true, isGateway: true }
const subnets = { IPv4: '10.1.2.0/24', IPv6: '2001:db8:1::/64' } as const
const families = {
  IPv4: ['IPv4'],
  IPv6: ['IPv6'],
  'dual stack': ['IPv4', 'IPv6'],
} as const

function makePod(node: Node): Pod {
  return { ...node.pod(), containerId: 'c1' }
}

t.test('nftables', options, async (t) => {
  const table = 'inet cni_plugins_masquerade'
  const comment = 'd23676b4f2d9fe04-f4d01f2ef4b92245, net: mynet, if: eth0, id: c1'
  const structure = `add table ${table} { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }
add chain ${table} masq_checks { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }
add chain ${table} postrouting { type nat hook postrouting priority 100 ; }
add rule ${table} postrouting ip daddr == 224.0.0.0/4 return
add rule ${table} postrouting ip6 daddr == ff00::/8 return
add rule ${table} postrouting goto masq_checks
`
  const rules = {
    IPv4: `add rule ${table} masq_checks ip saddr == 10.1.2.2 ip daddr != 10.1.2.0/24 masquerade comment "${comment}"\n`,
    IPv6: `add rule ${table} masq_checks ip6 saddr == 2001:db8:1::2 ip6 daddr != 2001:db8:1::/64 masquerade comment "${comment}"\n`,
  }
  for (const [name, each] of Object.entries(families)) {
    await t.test(name, async (t) => {
      const [node, expected] = [makeNode(t), addNamespace(t)]
      const pod = makePod(node)
      const ipam = hostLocal(node, ...each.map((family) => subnets[family]))
      const network = makeNetwork(node, { ...conf, ipam, ipMasqBackend: 'nftables' })
      await network.attach(pod)
      nft(expected, structure + each.map((family) => rules[family]).join(''))
      t.strictSame(ruleset(node), ruleset(expected))
      await network.silent('DEL', pod)
      t.strictSame(ruleTraces(node), [])
      t.ok(
        ruleset(node).some((object) => object.chain?.name === 'masq_checks'),
        'what every pod needs stays',
      )
    })
  }
})

t.test('iptables', options, async (t) => {
  const chain = 'CNI-f0bca4ac77cde1bf2f3da5df'
  const comment = String.raw`-m comment --comment "name: \"mynet\" id: \"c1\""`
  const rules = {
    IPv4: [
      `:${chain} -`,
      `-A POSTROUTING -s 10.1.2.2/32 ${comment} -j ${chain}`,
      `-A ${chain} -d 10.1.2.0/24 ${comment} -j ACCEPT`,
      `-A ${chain} ! -d 224.0.0.0/4 ${comment} -j MASQUERADE`,
    ],
    IPv6: [
      `:${chain} -`,
      `-A POSTROUTING -s 2001:db8:1::2/128 ${comment} -j ${chain}`,
      `-A ${chain} -d 2001:db8:1::/64 ${comment} -j ACCEPT`,
      `-A ${chain} ! -d ff00::/8 ${comment} -j MASQUERADE`,
    ],
  }
  const familyNumber = { IPv4: 4, IPv6: 6 } as const
  for (const [name, each] of Object.entries(families)) {
    await t.test(name, async (t) => {
      const node = makeNode(t)
      const pod = makePod(node)
      const ipam = hostLocal(node, ...each.map((family) => subnets[family]))
      const network = makeNetwork(node, { ...conf, ipam, ipMasqBackend: 'iptables' })
      await network.attach(pod)
      for (const family of ['IPv4', 'IPv6'] as const) {
        const expected = each.some((one) => one === family) ? rules[family] : []
        t.strictSame(natRules(node, familyNumber[family]), expected)
      }
      await network.silent('DEL', pod)
      t.strictSame(ruleTraces(node), [])
    })
  }
})

for (const ipMasqBackend of ['iptables', 'nftables']) {
  t.test(`several addresses of one family, ${ipMasqBackend}`, options, async (t) => {
    const node = makeNode(t)
    const pod = makePod(node)
    const ips = ['10.1.2.3/24', '10.9.0.3/16'].map((address) => ({ address }))
    const ipam = fakeIpam(node, { ips })
    const network = makeNetwork(node, { ...conf, ipam, ipMasqBackend })
    await network.attach(pod)
    const targets = natRules(node, 4).map((line) => line.split(' ').at(-1))
    if (ipMasqBackend === 'iptables') {
      const [chain, ...others] = targets.slice(1)
      t.strictSame(others, [chain, 'ACCEPT', 'ACCEPT', 'MASQUERADE'])
    }
    t.equal(ruleTraces(node).length, ipMasqBackend === 'iptables' ? 6 : 2)
    await network.silent('DEL', pod)
    t.strictSame(ruleTraces(node), [])
    await network.silent('DEL', pod)
  })

  t.test(`two interfaces of a pod on one network, ${ipMasqBackend}`, options, async (t) => {
    const node = makeNode(t)
    const pod = makePod(node)
    const ipam = hostLocal(node, subnets.IPv4)
    const network = makeNetwork(node, { ...conf, ipam, ipMasqBackend })
    const second = { ifName: 'eth1' }
    await network.attach(pod)
    const alone = ruleTraces(node)
    await network.attach(pod, {}, second)
    t.equal(ruleTraces(node).length, alone.length + 1)
    await network.silent('DEL', pod, {}, second)
    t.strictSame(ruleTraces(node), alone, 'the first one keeps its rules')

    await network.attach(pod, {}, second)
    await network.silent('DEL', pod)
    t.equal(ruleTraces(node).length, alone.length, 'the second one keeps its rules')
    await network.silent('DEL', pod, {}, second)
    t.strictSame(ruleTraces(node), [])
  })

  t.test(`names that do not fit in a comment, ${ipMasqBackend}`, options, async (t) => {
    const node = makeNode(t)
    const pod = { ...node.pod(), containerId: 'c'.repeat(200) }
    const name = 'n'.repeat(250)
    const ipam = hostLocal(node, subnets.IPv4)
    const network = makeNetwork(node, { ...conf, name, ipam, ipMasqBackend })
    const prevResult = await network.attach(pod)
    await network.silent('CHECK', pod, { prevResult })
    await network.silent('DEL', pod)
    t.strictSame(ruleTraces(node), [])
    await network.attach(pod)
    await network.silent('GC', pod, { 'cni.dev/valid-attachments': [] })
    t.strictSame(ruleTraces(node), [])
  })
}
