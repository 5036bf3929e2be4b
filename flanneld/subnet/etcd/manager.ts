/** The subnet manager of etcd: leases are keys there, as every flanneld reads and writes them. */
import { DetailedError } from '../../../lib/base/errors.ts'
import type { Lease, LeaseAttributes } from '../../../lib/flannel/lease.ts'
import { sameIp } from '../../../lib/ip/ip.ts'
import type { AgentLog } from '../../log.ts'
import type { NetworkConf } from '../../network-conf.ts'
import { ProblemLog } from '../../problem-log.ts'
import { pause, untilAborted } from '../../wait.ts'
import type { LeaseChange, LeaseDemand, PublicAddresses, SubnetManager } from '../manager.ts'
import { acquireLease, readConf } from './acquire.ts'
import type { EtcdClient } from './client.ts'
import { type EtcdContext, type EtcdHooks, etcdKeys, type EtcdOperation } from './context.ts'
import { DEADLINE_EXCEEDED, GrpcError, UNAVAILABLE } from './grpc.ts'
import { keepLease } from './keep.ts'
import { readRecords } from './lease-record.ts'
import type { OwnLease } from './own-lease.ts'
import { watchPeers } from './peers.ts'

export interface EtcdSubnetManagerOptions {
  readonly client: EtcdClient
  /** Of all keys, e.g. `/coreos.com/network`. */
  readonly prefix: string
  /** How long before its end a lease is renewed. */
  readonly renewMarginMinutes: number
  readonly log: AgentLog
  readonly hooks: EtcdHooks
}

/** Between tries where etcd is waited for, in ms. */
const retryMs = 1_000

export class EtcdSubnetManager implements SubnetManager {
  readonly #context: EtcdContext
  readonly #marginMs: number
  #own: OwnLease | undefined

  constructor(options: EtcdSubnetManagerOptions) {
    const { client, prefix, renewMarginMinutes, log, hooks } = options
    this.#context = { client, keys: etcdKeys(prefix), log, hooks }
    this.#marginMs = renewMarginMinutes * 60_000
  }

  /** Waits also for etcd itself. */
  networkConf(signal: AbortSignal): Promise<NetworkConf> {
    const read = () => untilAborted(readConf(this.#context), signal)
    return this.#insist('config', read, () => true, signal)
  }

  async storedAttributes({ publicIp }: PublicAddresses): Promise<LeaseAttributes | undefined> {
    if (publicIp === undefined) return undefined
    const { client, keys } = this.#context
    const records = readRecords(keys.leases, (await client.list(keys.leases)).kvs)
    return records
      .map(({ lease }) => lease.attributes)
      .find((attributes) => attributes.publicIp && sameIp(attributes.publicIp, publicIp))
  }

  /** Waits while etcd cannot be reached; rejects with a `DetailedError` for all else. */
  async acquire(demand: LeaseDemand, signal: AbortSignal): Promise<Lease> {
    const attempt = () => acquireLease(this.#context, demand, signal)
    this.#own = await this.#insist('acquire', attempt, isPassing, signal)
    return this.#own.lease
  }

  async publish(attributes: LeaseAttributes): Promise<void> {
    try {
      await this.#acquired().publish(attributes)
    } catch (error) {
      this.#context.hooks.onError('publish')
      throw error
    }
  }

  async keep(signal: AbortSignal): Promise<void> {
    await keepLease(this.#context, this.#acquired(), this.#marginMs, signal)
  }

  watch(signal: AbortSignal): AsyncGenerator<LeaseChange, void, undefined> {
    return watchPeers(this.#context, (key) => key === this.#own?.key, signal)
  }

  #acquired(): OwnLease {
    if (this.#own !== undefined) return this.#own
    throw new DetailedError('this node has no lease yet', 'it is acquired before it is kept')
  }

  /** Tries each second, as long as the failure is one of those that pass. */
  async #insist<T>(
    operation: EtcdOperation,
    attempt: () => Promise<T>,
    passes: (error: unknown) => boolean,
    signal: AbortSignal,
  ): Promise<T> {
    const { hooks, log } = this.#context
    const problems = new ProblemLog((message) => log.error(message))
    for (;;) {
      signal.throwIfAborted()
      try {
        return await attempt()
      } catch (error) {
        signal.throwIfAborted()
        hooks.onError(operation)
        if (!passes(error)) throw error
        problems.report(`${doing[operation]}, which is tried again each second`, error)
      }
      await pause(retryMs, signal)
    }
  }
}

const doing: Readonly<Record<EtcdOperation, string>> = {
  acquire: 'acquiring a lease',
  config: 'reading the network configuration',
  keep: 'keeping the lease',
  publish: 'publishing the attributes',
  renew: 'renewing the lease',
  watch: 'watching the leases',
}

function isPassing(error: unknown): boolean {
  return (
    error instanceof GrpcError && (error.code === UNAVAILABLE || error.code === DEADLINE_EXCEEDED)
  )
}
