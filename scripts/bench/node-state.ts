/** What is on a node already: the ports and addresses of pods, and iptables rules of others. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatOwner } from '../../ipam/host-local/owner.ts'
import { addNamespace, type Namespace, type Node, setSysctl } from '../lab/node.ts'
import { inside, runSync } from '../lab/run.ts'
import { addresses, reservations } from './network.ts'
import type { Scenario } from './scenario.ts'

/** ip(8) removes all links of a group in one request, which takes no longer than to remove one. */
const group = '77'

/**
 * Gives the node, which has the bridge, what the scenario says: for each pod a port of the bridge, and a
 * reserved address of each family from the third on; rules as kube-proxy has them for services.
 */
export function fillNode(node: Node, scenario: Scenario, scope: AsyncDisposableStack): void {
  const numbers = Array.from({ length: scenario.pods }, (_, index) => index + 3)
  const peers = addNamespace({ teardown: (remove) => scope.defer(remove) })
  scope.defer(() => void runSync(['ip', '-n', node.name, 'link', 'delete', 'group', group]))
  addPorts(node, peers, numbers)
  reserve(node, scenario, numbers)
  if (scenario.foreignRules === 0) return
  restore(node, 'iptables-restore', ruleset(scenario.foreignRules, '10.96.', '.', '/32'))
  if (scenario.families === 'IPv4') return
  restore(node, 'ip6tables-restore', ruleset(scenario.foreignRules, 'fd00:96::', ':', '/128'))
}

function addPorts(node: Node, peers: Namespace, numbers: readonly number[]): void {
  // A link that comes up with IPv6 looks for routers for a minute, and each port hears each other:
  // pods that have been there for a while do not.
  const setIpv6 = (value: string) => {
    for (const each of [node, peers]) setSysctl(each, 'net/ipv6/conf/default/disable_ipv6', value)
  }
  setIpv6('1')
  const ports = numbers.map(
    (number) =>
      `link add crowd${number} group ${group} mtu 1450 master cni0 up ` +
      `type veth peer name crowd${number} mtu 1450 netns ${peers.name}`,
  )
  ipBatch(node, node, ports)
  const ends = numbers.map((number) => `link set crowd${number} up`)
  ipBatch(node, peers, ends)
  setIpv6('0')
}

/** Has one ip(8) carry out many commands in a namespace; the first that fails ends it. */
function ipBatch({ dir }: Node, { name }: Namespace, commands: readonly string[]): void {
  const file = join(dir, 'ip-batch')
  writeFileSync(file, commands.map((command) => `${command}\n`).join(''))
  runSync(['ip', '-n', name, '-batch', file])
}

function reserve(node: Node, scenario: Scenario, numbers: readonly number[]): void {
  const folder = join(node.dir, reservations)
  mkdirSync(folder, { recursive: true })
  for (const number of numbers) {
    const owner = formatOwner({ containerId: `crowd${number}`, ifName: 'eth0' })
    for (const [set, address] of addresses(scenario, number).entries()) {
      writeFileSync(join(folder, address), owner)
      writeFileSync(join(folder, `last_reserved_ip.${set}`), address)
    }
  }
}

/** A service is a chain with a rule in it, and a rule that jumps there for its address. */
function ruleset(rules: number, prefix: string, separator: string, length: string): string {
  const services = Array.from({ length: rules / 2 }, (_, index) => ({
    chain: `SERVICE-${index}`,
    address: `${prefix}${index >> 8}${separator}${index & 255}${length}`,
  }))
  return [
    '*nat',
    ...services.map(({ chain }) => `:${chain} - [0:0]`),
    ...services.map(({ chain, address }) => `-A PREROUTING -d ${address} -j ${chain}`),
    ...services.map(({ chain }) => `-A ${chain} -j MARK --set-mark 1`),
    'COMMIT\n',
  ].join('\n')
}

function restore({ netns }: Node, program: string, input: string): void {
  const [file = '', ...args] = inside(netns, [program, '--noflush'])
  const { status, stderr } = spawnSync(file, args, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program}: ${stderr}`)
}
