/** Pods that are on a node already: what attachments leave there, made in bulk. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatOwner } from '../../ipam/host-local/owner.ts'
import { addNamespace, type Namespace, type Node, setSysctl } from '../lab/node.ts'
import { runSync } from '../lab/run.ts'
import { addresses, reservations } from './network.ts'
import { ipBatch } from './pods.ts'
import type { Scenario } from './scenario.ts'

/** ip(8) removes all links of a group in one request, which takes no longer than to remove one. */
const group = '77'

/**
 * Gives the node, which has the bridge, as many pods as the scenario says: a port of the bridge and a
 * reserved address of each family for each, from the third address on.
 */
export function addCrowd(node: Node, scenario: Scenario, scope: AsyncDisposableStack): void {
  const numbers = Array.from({ length: scenario.pods }, (_, index) => index + 3)
  const peers = addNamespace({ teardown: (remove) => scope.defer(remove) })
  scope.defer(() => void runSync(['ip', '-n', node.name, 'link', 'delete', 'group', group]))
  addPorts(node, peers, numbers)
  reserve(node, scenario, numbers)
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
  ipBatch(node.dir, ['-n', node.name], ports)
  const ends = numbers.map((number) => `link set crowd${number} up`)
  ipBatch(node.dir, ['-n', peers.name], ends)
  setIpv6('0')
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
