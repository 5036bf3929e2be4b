/** The other nodes: their leases, and what the backend needs in the kernel to reach them. */
import type { Lease } from '../lib/flannel/lease.ts'
import type { Backend, Node } from './backends/backend.ts'
import type { AgentLog } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Entry } from './state/entry.ts'
import type { Reconciler } from './state/reconciler.ts'
import type { LeaseChange } from './subnet/manager.ts'

export interface PeersOptions {
  readonly backend: Backend
  readonly node: Node
  readonly reconciler: Reconciler
  readonly log: AgentLog
  readonly metrics: Metrics
}

export class Peers {
  readonly #options: PeersOptions
  #node: Node
  #leases = new Map<string, Lease>()
  /** Whether all of them have been told once. */
  #isKnown = false

  constructor(options: PeersOptions) {
    this.#options = options
    this.#node = options.node
  }

  /** Takes over what has become of leases. */
  apply(change: LeaseChange): void {
    const { reconciler, metrics, log } = this.#options
    switch (change.kind) {
      case 'all':
        this.#isKnown = true
        this.#leases = new Map(change.leases)
        reconciler.setPeers(this.#allEntries())
        break
      case 'put':
        this.#leases.set(change.key, change.lease)
        log.debug(`the lease ${change.key} is there or has changed`)
        this.#put(change.key, change.lease)
        break
      case 'removed':
        this.#leases.delete(change.key)
        log.debug(`the lease ${change.key} is gone`)
        reconciler.removePeer(change.key)
    }
    metrics.leases(this.#leases.size)
  }

  /** The node itself is another one from now on. */
  setNode(node: Node): void {
    this.#node = node
    if (this.#isKnown) this.#options.reconciler.setPeers(this.#allEntries())
  }

  #put(key: string, lease: Lease): void {
    const entries = this.#entriesOf(key, lease)
    if (entries === undefined) this.#options.reconciler.removePeer(key)
    else this.#options.reconciler.putPeer(key, entries)
  }

  #allEntries(): Map<string, readonly Entry[]> {
    const peers = new Map<string, readonly Entry[]>()
    for (const [key, lease] of this.#leases) {
      const entries = this.#entriesOf(key, lease)
      if (entries !== undefined) peers.set(key, entries)
    }
    return peers
  }

  /** Undefined for a lease that is of no use: its node is no peer, and is not counted as one. */
  #entriesOf(key: string, lease: Lease): readonly Entry[] | undefined {
    const { backend, log } = this.#options
    const found = lease.attributes.backendType
    if (found !== backend.type) {
      const expected = `this node has ${backend.type || 'no'} backend type`
      log.warn(
        `the lease ${key} is passed over: its backend is ${found || 'not named'}, ${expected}`,
      )
      return undefined
    }
    const { entries, problems } = backend.peerState(this.#node, lease)
    for (const problem of problems) log.warn(`the lease ${key}: ${problem}`)
    return entries.length === 0 && problems.length > 0 ? undefined : entries
  }
}
