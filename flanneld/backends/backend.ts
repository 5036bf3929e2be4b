/**
 * A backend: how packets get from node to node. It says what has to be in the kernel, and does
 * nothing itself: pure functions of the configuration, this node, and the leases.
 */
import type { Lease, LeaseAttributes } from '../../lib/flannel/lease.ts'
import type { Cidr, Family, Ip } from '../../lib/ip/ip.ts'
import type { Device } from '../state/device.ts'
import type { Entry } from '../state/entry.ts'
import type { NodeState } from '../state/node-state.ts'

/** The link between the nodes, and what of the configuration every backend needs. */
export interface Underlay {
  readonly name: string
  /** In bytes. */
  readonly mtu: number
  /** The networks that are on it: their hosts are reached without a gateway. */
  readonly prefixes: readonly Cidr[]
  /** The addresses that the other nodes are told. */
  readonly publicIps: Readonly<Partial<Record<Family, Ip>>>
}

/** Where the node is, before it has a lease. */
export interface Site {
  readonly underlay: Underlay
  /** Of the whole cluster, one for each family that is enabled: IPv4 first. */
  readonly networks: readonly Cidr[]
}

export interface Node extends Site {
  /** The MACs of the backend's devices. */
  readonly macs: Macs
  /** What it has leased, IPv4 first. */
  readonly subnets: readonly Cidr[]
}

export type Macs = Readonly<Partial<Record<Family, string>>>

/** What a backend says in a lease. */
export type BackendAttributes = Pick<
  LeaseAttributes,
  'backendType' | 'backendData' | 'backendV6Data'
>

export interface Backend {
  /** As leases name it. */
  readonly type: string
  /** The devices that it needs. Throws a `DetailedError` when the underlay has not what they need. */
  devices(site: Site): readonly DevicePlan[]
  /** What the other nodes have to know. */
  attributes(macs: Macs): BackendAttributes
  /** The MACs that attributes tell, as far as they do. */
  macs(attributes: BackendAttributes): Macs
  /** Of the pods' interfaces, in bytes. */
  podMtu(site: Site): number
  /** What the node itself needs. */
  nodeState(node: Node): NodeState
  /** What is needed to reach a peer. */
  peerState(node: Node, peer: Lease): PeerState
}

/** A device, whatever its MAC. */
export interface DevicePlan extends Omit<Device, 'mac'> {
  readonly family: Family
}

export interface PeerState {
  readonly entries: readonly Entry[]
  /** What of the lease cannot be used, and why. */
  readonly problems: readonly string[]
}
