/** An ADD that fails takes its rules back. */
import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { kernelSkip, makeNode, type Node, type Pod } from '../../scripts/lab/node.ts'
import { makeNetwork, veths } from '../support/bridge-network.ts'
import { firewallSkip, nft, ruleTraces } from '../support/firewall.ts'
import { fakeIpam, hostLocal, reserved } from '../support/ipam.ts'
import type { Network } from '../support/network.ts'
import { replacing } from '../support/programs.ts'

const options = { skip: kernelSkip() || firewallSkip() }

const subnets = ['10.1.2.0/24', '2001:db8:1::/64']

/** A dual-stack network that uses everything of the packet filter. */
function setUp(node: Node, ipMasqBackend: string): Network {
  const ipam = hostLocal(node, ...subnets)
  return makeNetwork(node, {
    isGateway: true,
    ipMasq: true,
    ipMasqBackend,
    macspoofchk: true,
    ipam,
  })
}

/** What a call leaves: rules, ports and addresses. */
function left(node: Node): string[] {
  return [...ruleTraces(node), ...veths(node).map(({ ifname }) => ifname), ...reserved(node)]
}

t.test('when there is no address', options, async (t) => {
  const node = makeNode(t)
  const network = setUp(node, 'nftables')
  const ipam = fakeIpam(node, { code: 11, msg: 'not today' })
  t.match(await network.refused('ADD', node.pod(), { ipam }), { code: 11, msg: 'not today' })
  t.strictSame(left(node), [])
})

t.test('when IPv4 is masqueraded and IPv6 cannot be', options, async (t) => {
  const node = makeNode(t)
  // a chain of the name that iptables uses, and of another kind
  nft(
    node,
    'add table ip6 nat\nadd chain ip6 nat POSTROUTING { type filter hook output priority 5; }',
  )
  const network = setUp(node, 'iptables')
  const error = await network.refused('ADD', node.pod())
  t.match(error, { code: 999, msg: /^running \[\S*ip6tables-restore [^]*: chain POSTROUTING$/ })
  t.strictSame(left(node), [])
})

t.test('when nftables has another chain of the name', options, async (t) => {
  const node = makeNode(t)
  const table = 'inet cni_plugins_masquerade'
  nft(
    node,
    `add table ${table}\nadd chain ${table} postrouting { type filter hook input priority 5; }`,
  )
  const network = setUp(node, 'nftables')
  t.match(await network.refused('ADD', node.pod()), {
    code: 999,
    msg: /^running \[\S*nft -f -\]: /,
  })
  t.strictSame(left(node), [])
})

/** Has a program set the pod's interface down whenever it ends: then the port does not come up. */
function sabotage({ dir }: Node, path: string, pod: Pod): Readonly<Record<string, string>> {
  const [copy, wrapper] = [join(dir, 'program'), join(dir, 'wrapper')]
  copyFileSync(path, copy)
  const script = `#!/bin/bash
(exec -a "$0" ${copy} "$@")
code=$?
ip -n ${pod.name} link set eth0 down
exit $code
`
  writeFileSync(wrapper, script, { mode: 0o755 })
  return { [path]: wrapper }
}

for (const [backend, program] of [
  ['iptables', '/usr/sbin/iptables'],
  ['nftables', '/usr/sbin/nft'],
] as const) {
  t.test(`when the port stays down, ${backend}`, options, async (t) => {
    const node = makeNode(t)
    const pod = node.pod()
    const network = setUp(node, backend)
    await network.attach(node.pod())
    const others = left(node)
    const files = sabotage(node, program, pod)
    const argv = (executable: string) => replacing(files, [executable])
    const error = await network.refused('ADD', pod, {}, { argv })
    t.match(error, { msg: /^bridge port in error state: / })
    t.strictSame(left(node), others, 'the other pod keeps what it has')
    await network.attach(pod)
  })
}
