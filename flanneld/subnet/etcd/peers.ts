/** The leases of the other nodes, as etcd has them. */
import { fullText } from '../../../lib/base/errors.ts'
import type { Lease } from '../../../lib/flannel/lease.ts'
import type { LeaseChange } from '../manager.ts'
import type { EtcdContext } from './context.ts'
import { follow, type Following } from './follow.ts'
import { readLease } from './lease-record.ts'
import type { KeyValue, WatchResponse } from './messages.ts'

/** All leases, and then what changes, but for those of keys that are this node's own. */
export async function* watchPeers(
  context: EtcdContext,
  isOwn: (key: string) => boolean,
  signal: AbortSignal,
): AsyncGenerator<LeaseChange, void, undefined> {
  const { keys, hooks } = context
  const peers = new Peers(context, isOwn)
  const following: Following = {
    prefix: keys.leases,
    operation: 'watch',
    resumeWith: 'events',
    onReconnect: () => hooks.onReconnect(),
  }
  for await (const followed of follow(context, following, signal)) {
    if (followed.kind === 'all') {
      yield peers.reset(followed.kvs)
    } else {
      for (const event of followed.events) {
        const change = peers.apply(event)
        if (change !== undefined) yield change
        if (signal.aborted) return
      }
    }
  }
}

/** What is known of the peers: a malformed value changes nothing of it. */
class Peers {
  readonly #context: EtcdContext
  readonly #isOwn: (key: string) => boolean
  #known = new Map<string, Lease>()
  /** The keys that were found malformed, and at which revision. */
  readonly #malformed = new Map<string, number>()

  constructor(context: EtcdContext, isOwn: (key: string) => boolean) {
    this.#context = context
    this.#isOwn = isOwn
  }

  reset(kvs: readonly KeyValue[]): LeaseChange {
    const leases = new Map<string, Lease>()
    for (const kv of kvs) {
      const lease = this.#read(kv) ?? this.#known.get(kv.key)
      if (lease !== undefined && !this.#isOwn(kv.key)) leases.set(kv.key, lease)
    }
    this.#known = leases
    return { kind: 'all', leases: new Map(leases) }
  }

  apply(event: WatchResponse['events'][number]): LeaseChange | undefined {
    const kv = event?.kv
    if (kv === undefined || this.#isOwn(kv.key)) return undefined
    const { key } = kv
    if (event?.type === 1) {
      this.#malformed.delete(key)
      return this.#known.delete(key) ? { kind: 'removed', key } : undefined
    }
    const lease = this.#read(kv)
    if (lease === undefined) return undefined
    this.#known.set(key, lease)
    return { kind: 'put', key, lease }
  }

  /** Undefined for what is malformed: it is logged once. */
  #read(kv: KeyValue): Lease | undefined {
    const { keys, log } = this.#context
    try {
      return readLease(keys.leases, kv)
    } catch (error) {
      if (this.#malformed.get(kv.key) !== kv.modRevision) {
        log.warn(`${JSON.stringify(kv.key)} of etcd is passed over: ${fullText(error)}`)
      }
      this.#malformed.set(kv.key, kv.modRevision)
      return undefined
    }
  }
}
