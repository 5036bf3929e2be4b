/**
 * Two nodes of a flannel cluster for tests: namespaces joined by a veth pair, each with the devices,
 * neighbours and routes that flanneld makes for the lease of the other (flannel, pkg/backend/vxlan
 * and pkg/backend/hostgw), and the file that it writes.
 */
import type { Family } from '../../lib/ip/ip.ts'
import { makeNode, type Node, type Scope } from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { installConf } from './flannel-node.ts'
import { link } from './ip.ts'

/** What a node has leased of one family. */
export interface Lease {
  readonly family: Family
  /** Of the whole cluster, with its prefix length. */
  readonly network: string
  /** The first address of the node's subnet. */
  readonly base: string
  /** The second one, which is the gateway of its pods. */
  readonly gateway: string
  readonly prefixLength: number
  /** The node's address on the wire. */
  readonly publicIp: string
}

export interface ClusterNode extends Node {
  readonly leases: readonly Lease[]
}

export type Cluster = readonly [ClusterNode, ClusterNode]

/** The name of each node's end of the veth pair. Its MTU is 1500. */
export const wire = 'wire'

/** The VXLAN devices by family, as flanneld names them. */
export const vxlanDevice = { 4: 'flannel.1', 6: 'flannel-v6.1' } as const

/** Why there can be no VXLAN devices here, or false. */
export function vxlanSkip(): string | false {
  const add = 'ip link add flannel.1 type vxlan id 1 dstport 8472 local 127.0.0.1 dev lo'
  try {
    runSync(['unshare', '--net', ...add.split(' ')])
    return false
  } catch (error) {
    return `cannot make a VXLAN device here: ${error instanceof Error ? error.message : error}`
  }
}

/** A cluster with the backend vxlan; of IPv4 pods, or of pods with both families. */
export function makeVxlanCluster(scope: Scope, families: readonly Family[] = [4]): Cluster {
  const cluster = makeCluster(scope, families)
  for (const node of cluster) for (const lease of node.leases) addVxlan(node, lease)
  const [one, two] = cluster
  for (const lease of two.leases) addVxlanPeer(one, two, lease)
  for (const lease of one.leases) addVxlanPeer(two, one, lease)
  for (const node of cluster) installConf(node, subnetEnv(node, 1450))
  return cluster
}

/** A cluster with the backend host-gw, of IPv4 pods. */
export function makeHostGwCluster(scope: Scope): Cluster {
  const cluster = makeCluster(scope, [4])
  const [one, two] = cluster
  for (const lease of two.leases) addRoute(one, lease, lease.publicIp, wire)
  for (const lease of one.leases) addRoute(two, lease, lease.publicIp, wire)
  for (const node of cluster) installConf(node, subnetEnv(node, 1500))
  return cluster
}

function makeCluster(scope: Scope, families: readonly Family[]): Cluster {
  const node = (number: number): ClusterNode => {
    const leases = families.map((family) => leaseOf[family](number))
    return { ...makeNode(scope), leases }
  }
  const [one, two] = [node(1), node(2)] as const
  // As on a real wire, no packet is larger than the MTU: whatever TCP hands over is segmented.
  const end = (name: string) => `${wire} netns ${name} mtu 1500 gso_max_segs 1`
  ip(one, `link add ${end(one.name)} type veth peer name ${end(two.name)}`)
  for (const { name, leases } of [one, two]) {
    for (const { family, publicIp } of leases) {
      ip({ name }, `address add ${publicIp}/${wireLength[family]} dev ${wire} ${noDad[family]}`)
    }
    ip({ name }, `link set ${wire} up`)
  }
  return [one, two]
}

const leaseOf: Readonly<Record<Family, (node: number) => Lease>> = {
  4: (node) => ({
    family: 4,
    network: '10.244.0.0/16',
    base: `10.244.${node}.0`,
    gateway: `10.244.${node}.1`,
    prefixLength: 24,
    publicIp: `192.168.9.${node}`,
  }),
  6: (node) => ({
    family: 6,
    network: 'fd00:244::/48',
    base: `fd00:244:0:${node}::`,
    gateway: `fd00:244:0:${node}::1`,
    prefixLength: 64,
    publicIp: `fd00:9::${node}`,
  }),
}

const wireLength = { 4: 24, 6: 64 } as const
const hostLength = { 4: 32, 6: 128 } as const
/** Detecting duplicate addresses takes a second, in which the address cannot be used. */
const noDad = { 4: '', 6: 'nodad' } as const

// The kernel makes the one for IPv6 smaller by the 20 bytes that an outer IPv6 header is longer.
function addVxlan(node: Node, { family, base, publicIp }: Lease): void {
  const device = vxlanDevice[family]
  const vxlan = `type vxlan id 1 dstport 8472 nolearning local ${publicIp} dev ${wire}`
  ip(node, `link add ${device} mtu 1450 ${vxlan}`)
  ip(node, `address add ${base}/${hostLength[family]} dev ${device} ${noDad[family]}`)
  ip(node, `link set ${device} up`)
}

/** Has the node send to the subnet of `peer`, which has leased `lease`. */
function addVxlanPeer(node: Node, peer: Node, lease: Lease): void {
  const device = vxlanDevice[lease.family]
  const mac = link(peer, device)?.address ?? ''
  ip(node, `neighbour add ${lease.base} lladdr ${mac} dev ${device} nud permanent`)
  const entry = `${mac} dev ${device} dst ${lease.publicIp} self permanent`
  runSync(['bridge', '-n', node.name, 'fdb', 'add', ...entry.split(' ')])
  addRoute(node, lease, lease.base, `${device} onlink`)
}

function addRoute(node: Node, { base, prefixLength }: Lease, gateway: string, out: string): void {
  ip(node, `route add ${base}/${prefixLength} via ${gateway} dev ${out}`)
}

function subnetEnv({ leases }: ClusterNode, mtu: number): string {
  const prefix = { 4: 'FLANNEL', 6: 'FLANNEL_IPV6' } as const
  const lines = leases.flatMap(({ family, network, gateway, prefixLength }) => [
    `${prefix[family]}_NETWORK=${network}`,
    `${prefix[family]}_SUBNET=${gateway}/${prefixLength}`,
  ])
  return [...lines, `FLANNEL_MTU=${mtu}`, 'FLANNEL_IPMASQ=true', ''].join('\n')
}

function ip({ name }: Pick<Node, 'name'>, command: string): void {
  runSync(['ip', '-n', name, ...command.split(' ').filter((word) => word !== '')])
}
