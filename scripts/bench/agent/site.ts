/** A hub with an etcd that knows networks of some sizes, and nodes on it, in namespaces of their own. */
import { Etcd } from '../../lab/etcd.ts'
import { addNamespace, makeNode, type Namespace, type Node, type Scope } from '../../lab/node.ts'
import { runSync } from '../../lab/run.ts'
import { leaseOf, networkConf, peers } from './peers.ts'

export const wire = 'eth0'

/** The device that the agent makes. */
export const vtep = 'flannel.1'

/** How many peers the networks have. */
export const sizes = [0, 1000, 5000] as const
export type PeerCount = (typeof sizes)[number]

/** etcdctl takes so many operations at once. */
const batch = 128

const hubAddress = '192.0.2.254'

export interface Site {
  readonly hub: Namespace
  readonly etcd: Etcd
  /** Aborted when the benchmark is interrupted. */
  readonly signal: AbortSignal
}

/** Makes the hub, and puts the leases of all networks. */
export async function makeSite(stack: AsyncDisposableStack, signal: AbortSignal): Promise<Site> {
  const hub = addNamespace(scopeOf(stack))
  ip(hub, 'link add br0 type bridge')
  ip(hub, `address add ${hubAddress}/24 dev br0`)
  for (const device of ['lo', 'br0']) ip(hub, `link set ${device} up`)
  const etcd = await Etcd.startIn(scopeOf(stack), hub.netns, hubAddress)
  for (const size of sizes) {
    const leases = peers(size).map((peer) => leaseOf(prefixOf(size), peer))
    const puts = [[`${prefixOf(size)}/config`, networkConf] as const, ...leases].map(
      ([key, value]) => `put ${key} ${JSON.stringify(value)}`,
    )
    for (let first = 0; first < puts.length; first += batch) {
      signal.throwIfAborted()
      await etcd.transaction(puts.slice(first, first + batch))
    }
  }
  return { hub, etcd, signal }
}

/** The `--etcd-prefix` of the network with so many peers. */
export function prefixOf(size: PeerCount): string {
  return `/bench-${size}`
}

/** As tables have the network with so many peers. */
export function rowOf(size: PeerCount): string {
  return `${size} peers`
}

/** Makes a node for the network with so many peers, on the hub; its MTU is 1500. */
export function addNode(stack: AsyncDisposableStack, { hub }: Site, size: PeerCount): Node {
  const node = makeNode(scopeOf(stack))
  const port = `p${node.name.slice(-8)}`
  ip(node, `link add ${wire} type veth peer name ${port} netns ${hub.name}`)
  // A namespace ends some time after it is deleted, and the next node has its address.
  stack.defer(() => void ip(hub, `link delete ${port}`))
  ip(hub, `link set ${port} master br0 up`)
  ip(node, `address add 192.0.2.${1 + sizes.indexOf(size)}/24 dev ${wire}`)
  ip(node, `link set ${wire} up`)
  return node
}

/** Runs ip(8) in a namespace; returns what it prints. */
export function ip({ name }: Namespace, words: string): string {
  return runSync(['ip', '-n', name, ...words.split(' ')])
}

function scopeOf(stack: AsyncDisposableStack): Scope {
  return { teardown: (remove) => stack.defer(remove) }
}
