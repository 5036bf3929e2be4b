/**
 * A cluster of nodes that are joined by the node agents themselves: namespaces on a wire, which is a
 * bridge in a namespace of its own, with a real etcd there.
 */
import { writeFileSync } from 'node:fs'
import type { Family } from '../../lib/ip/ip.ts'
import {
  makeNode,
  type Namespace,
  type Node,
  type Scope,
  setSysctl,
} from '../../scripts/lab/node.ts'
import { runSync } from '../../scripts/lab/run.ts'
import { Etcd } from '../../scripts/lab/etcd.ts'
import { FlannelAgent } from './flannel-agent.ts'
import { installConflist, subnetFile } from './flannel-node.ts'

/** What removes things when it ends, and waits for that. */
export type AsyncScope = Scope & { teardown(end: () => Promise<void>): void }

export interface FlannelNode extends Node {
  /** From 1; the last number of its addresses. */
  readonly number: number
  readonly agent: FlannelAgent
}

export interface ClusterOptions {
  /** How many nodes there are on each wire; wires are joined by a router. One wire by default. */
  readonly wires?: readonly number[]
  /** Of pods; IPv4 alone by default. */
  readonly families?: readonly Family[]
  /** The backend in the configuration of the network, `{"Type": "vxlan"}` by default. */
  readonly backend?: object
  /** Further keys of the configuration. */
  readonly conf?: object
  /** Of all agents. */
  readonly flags?: readonly string[]
}

/** The key of the network's configuration in etcd. */
export const confKey = '/coreos.com/network/config'
/** The folder of the leases in etcd. */
export const leaseFolder = '/coreos.com/network/subnets/'

/** The name of each node's link to the wire. Its MTU is 1500. */
export const wire = 'eth0'

export class FlannelCluster {
  readonly etcd: Etcd
  readonly nodes: FlannelNode[] = []
  /** The namespace of the wires and of etcd. */
  readonly hub: Namespace
  readonly #scope: AsyncScope
  readonly #flags: readonly string[]
  readonly #families: readonly Family[]

  private constructor(
    scope: AsyncScope,
    hub: Namespace,
    etcd: Etcd,
    { flags = [], families = [4] }: ClusterOptions,
  ) {
    this.#scope = scope
    this.hub = hub
    this.etcd = etcd
    this.#flags = flags
    this.#families = families
  }

  /** Makes one whose agents have not been started. */
  static async make(scope: AsyncScope, options: ClusterOptions = {}): Promise<FlannelCluster> {
    const { wires = [2], backend = { Type: 'vxlan' }, families = [4], conf = {} } = options
    const hub = makeHub(scope, wires.length)
    const etcd = await Etcd.startIn(scope, hub.netns, hubAddress)
    const cluster = new FlannelCluster(scope, hub, etcd, options)
    const keys = Object.assign({}, ...families.map((family) => networks[family]), conf)
    etcd.ctl('put', confKey, JSON.stringify({ ...keys, Backend: backend }))
    for (const [index, count] of wires.entries()) {
      for (let made = 0; made < count; made++) cluster.addNode(index)
    }
    return cluster
  }

  /** Makes one, and starts all agents. */
  static async start(scope: AsyncScope, options: ClusterOptions = {}): Promise<FlannelCluster> {
    const cluster = await FlannelCluster.make(scope, options)
    await Promise.all(cluster.nodes.map(({ agent }) => agent.start()))
    return cluster
  }

  /**
   * Adds a node to a wire; its agent has not been started. What it leased last is the subnet with the
   * number of the node, so that it is the one that it leases.
   */
  addNode(index = 0): FlannelNode {
    const node = makeNode(this.#scope)
    const number = this.nodes.length + 1
    connect(this.hub, node, index, number)
    installConflist(node)
    this.#writePrevious(node, number)
    const flags = [`--etcd-endpoints=${this.etcd.url}`, ...this.#flags]
    const agent = new FlannelAgent(this.#scope, node, flags)
    const added = { ...node, number, agent }
    this.nodes.push(added)
    return added
  }

  #writePrevious(node: Node, number: number): void {
    const lines = this.#families.map((family) => previously[family](number))
    writeFileSync(subnetFile(node), lines.join(''))
  }

  /** Has the node be, for etcd and by its file, one that has just been added; of IPv4 alone. */
  forget(node: FlannelNode): void {
    this.removeLease(`10.244.${node.number}.0-24`)
    this.#writePrevious(node, node.number)
  }

  /** The first two nodes. */
  get pair(): readonly [FlannelNode, FlannelNode] {
    const [one, two] = this.nodes
    if (one === undefined || two === undefined) throw new Error('the cluster has fewer nodes')
    return [one, two]
  }

  /** The lease at a key below the folder, as etcdctl prints it; empty for none. */
  lease(name: string): string {
    return this.etcd.ctl('get', '--print-value-only', `${leaseFolder}${name}`).trimEnd()
  }

  putLease(name: string, value: string): void {
    this.etcd.ctl('put', `${leaseFolder}${name}`, value)
  }

  removeLease(name: string): void {
    this.etcd.ctl('del', `${leaseFolder}${name}`)
  }
}

const hubAddress = '192.168.9.254'

/** The address of a node on a wire. */
export function publicIp(number: number, index = 0): string {
  return `192.168.${9 + index}.${number}`
}

export function publicIpv6(number: number, index = 0): string {
  return `fd00:${9 + index}::${number}`
}

/** What the lease of a vxlan node with this last number, of two digits, says; it need not be there. */
export function vxlanLease(number: number, mac = `0e:00:00:00:00:${number}`): string {
  return (
    `{"PublicIP":"${publicIp(number)}","PublicIPv6":null,"BackendType":"vxlan",` +
    `"BackendData":{"VNI":1,"VtepMAC":"${mac}"}}`
  )
}

const previously: Readonly<Record<Family, (number: number) => string>> = {
  4: (number) => `FLANNEL_SUBNET=10.244.${number}.1/24\n`,
  6: (number) => `FLANNEL_IPV6_SUBNET=fd00:244:0:${number}::1/64\n`,
}

const networks: Readonly<Record<Family, object>> = {
  4: { Network: '10.244.0.0/16' },
  6: { IPv6Network: 'fd00:244::/48', EnableIPv6: true },
}

/** The bridges and the router between them. */
function makeHub(scope: Scope, wires: number): Namespace {
  const hub = makeNode(scope)
  for (let index = 0; index < wires; index++) {
    ip(hub, `link add wire${index} type bridge`)
    ip(hub, `address add 192.168.${9 + index}.254/24 dev wire${index}`)
    ip(hub, `address add fd00:${9 + index}::fe/64 dev wire${index} nodad`)
    ip(hub, `link set wire${index} up`)
  }
  setSysctl(hub, 'net/ipv4/ip_forward', '1')
  setSysctl(hub, 'net/ipv6/conf/all/forwarding', '1')
  return hub
}

function connect(hub: Namespace, node: Node, index: number, number: number): void {
  // As on a real wire, no packet is larger than the MTU: whatever TCP hands over is segmented.
  const end = 'mtu 1500 gso_max_segs 1'
  const port = `node${number}`
  ip(hub, `link add ${port} ${end} type veth peer name ${wire} netns ${node.name} ${end}`)
  ip(hub, `link set ${port} master wire${index} up`)
  ip(node, `address add ${publicIp(number, index)}/24 dev ${wire}`)
  ip(node, `address add ${publicIpv6(number, index)}/64 dev ${wire} nodad`)
  ip(node, `link set ${wire} up`)
  ip(node, `route add default via 192.168.${9 + index}.254`)
  ip(node, `-6 route add default via fd00:${9 + index}::fe`)
}

/** Runs `ip` in the namespace; no word has a blank. */
export function ip({ name }: Pick<Namespace, 'name'>, command: string): string {
  return runSync(['ip', '-n', name, ...command.split(' ')])
}

/** Runs `bridge` in the namespace. */
export function bridge({ name }: Pick<Namespace, 'name'>, command: string): string {
  return runSync(['bridge', '-n', name, ...command.split(' ')])
}
