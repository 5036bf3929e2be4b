/** A client of an etcd cluster: calls go to one endpoint, and to the next when that is lost. */
import type { SecureClientSessionOptions } from 'node:http2'
import {
  type CallOptions,
  Channel,
  GrpcError,
  type Method,
  UNAUTHENTICATED,
  UNAVAILABLE,
} from './grpc.ts'
import {
  compareModRevision,
  type Header,
  type KeyValue,
  prefixEnd,
  type WatchResponse,
} from './messages.ts'
import * as methods from './methods.ts'

export interface EtcdOptions {
  /** URLs, e.g. `http://127.0.0.1:2379`. At least one. */
  readonly endpoints: readonly string[]
  /** For endpoints that begin with https. */
  readonly tls?: SecureClientSessionOptions
  readonly user?: { readonly name: string; readonly password: string }
}

/** Keys as they were at a revision. */
export interface Snapshot extends Readonly<Header> {
  readonly kvs: readonly KeyValue[]
}

/** Of an answer that says nothing about where it comes from. */
const nowhere: Header = { clusterId: 0n, revision: 0, raftTerm: 0 }

export class EtcdClient implements Disposable {
  readonly #options: EtcdOptions
  #endpoint = 0
  #channel: Channel | undefined
  #token: string | undefined

  constructor(options: EtcdOptions) {
    this.#options = options
  }

  /** The key, if it is there. */
  get(key: string): Promise<Snapshot> {
    return this.#range({ key })
  }

  /** All keys that begin with the prefix. */
  list(prefix: string): Promise<Snapshot> {
    return this.#range({ key: prefix, rangeEnd: prefixEnd(prefix) })
  }

  async #range(request: { key: string; rangeEnd?: Uint8Array }): Promise<Snapshot> {
    const { kvs, header } = await this.#call(methods.range, request)
    return { ...(header ?? nowhere), kvs: kvs.filter((kv) => kv !== undefined) }
  }

  /** Puts a key, which ends with the lease of this ID; 0 for never. */
  async put(key: string, value: string, lease = 0n): Promise<void> {
    await this.#call(methods.put, { key, value, lease })
  }

  /** Puts a key that must not be there; false when it is. */
  create(key: string, value: string, lease = 0n): Promise<boolean> {
    return this.replace({ key, modRevision: 0 }, value, lease)
  }

  /** Puts a key that must be as it was read; false when it is not. */
  async replace(
    { key, modRevision }: Pick<KeyValue, 'key' | 'modRevision'>,
    value: string,
    lease = 0n,
  ): Promise<boolean> {
    const { succeeded } = await this.#call(methods.transaction, {
      compare: [{ target: compareModRevision, key, modRevision }],
      success: [{ put: { key, value, lease } }],
    })
    return succeeded
  }

  /** Deletes a key; false when it is not there. */
  async delete(key: string): Promise<boolean> {
    const { deleted } = await this.#call(methods.remove, { key })
    return deleted > 0
  }

  /** A new lease of so many seconds: its ID, and the seconds that etcd gives it. */
  async grant(ttl: number): Promise<{ readonly id: bigint; readonly ttl: number }> {
    const { id, ttl: given, error } = await this.#call(methods.leaseGrant, { ttl })
    if (error !== '') throw new GrpcError(UNAVAILABLE, `granting a lease: ${error}`)
    return { id, ttl: given }
  }

  /** Ends a lease, and with it the keys that were put by it. */
  async revoke(id: bigint): Promise<void> {
    await this.#call(methods.leaseRevoke, { id })
  }

  /** Has a lease last its full time again; returns that in seconds, 0 when there is none. */
  async keepAlive(id: bigint): Promise<number> {
    const { ttl } = await this.#call(methods.leaseKeepAlive, { id })
    return Math.max(ttl, 0)
  }

  /** How many seconds a lease lasts; 0 when there is none. */
  async timeToLive(id: bigint): Promise<number> {
    const { ttl } = await this.#call(methods.leaseTimeToLive, { id })
    return Math.max(ttl, 0)
  }

  /**
   * What happens to the keys that begin with the prefix, from a revision on; first, an answer that
   * says that it was created. Ends when etcd cancels it, which its last answer says. Throws a
   * `GrpcError`, `UNAVAILABLE` also when the member has lost its leader: another one may have it.
   */
  async *watch(
    prefix: string,
    startRevision: number,
    signal?: AbortSignal,
  ): AsyncGenerator<WatchResponse, void, undefined> {
    const create = {
      key: prefix,
      rangeEnd: prefixEnd(prefix),
      startRevision,
      progressNotify: false,
    }
    const channel = this.#connect()
    try {
      const options = await this.#callOptions(channel, { ...(signal && { signal }) })
      const metadata = { ...options.metadata, hasleader: 'true' }
      const call = { ...options, metadata }
      for await (const response of channel.stream(methods.watch, { create }, call)) {
        if (isTokenProblem(response.cancelReason)) this.#token = undefined
        yield response
        if (response.canceled) return
      }
    } catch (error) {
      this.#noteFailure(channel, error)
      throw error
    }
  }

  async #call<Q, A>(method: Method<Q, A>, request: Partial<Q>): Promise<A> {
    const attempts = this.#options.endpoints.length + 1 // and once more with a new token
    for (let attempt = 1; ; attempt++) {
      const channel = this.#connect()
      try {
        return await channel.call(method, request, await this.#callOptions(channel, {}))
      } catch (error) {
        if (!this.#noteFailure(channel, error) || attempt === attempts) throw error
      }
    }
  }

  async #callOptions(channel: Channel, options: CallOptions): Promise<CallOptions> {
    const { user } = this.#options
    if (user === undefined) return options
    const token = this.#token ?? (await channel.call(methods.authenticate, user)).token
    this.#token = token
    return { ...options, metadata: { token } }
  }

  #connect(): Channel {
    const { endpoints, tls } = this.#options
    if (this.#channel?.isUsable === false) this.#leave(this.#channel)
    this.#channel ??= Channel.open(endpoints[this.#endpoint] ?? '', tls)
    return this.#channel
  }

  /** Goes to the next endpoint, unless another call that failed there has done so. */
  #leave(channel: Channel): void {
    channel[Symbol.dispose]()
    if (channel !== this.#channel) return
    this.#channel = undefined
    this.#endpoint = (this.#endpoint + 1) % this.#options.endpoints.length
  }

  /** Whether another try may succeed; it goes to the next endpoint, or with a new token. */
  #noteFailure(channel: Channel, error: unknown): boolean {
    if (!(error instanceof GrpcError)) return false
    if (error.code === UNAUTHENTICATED || isTokenProblem(error.message)) {
      const isOld = this.#token !== undefined
      this.#token = undefined
      return isOld
    }
    if (error.code !== UNAVAILABLE) return false
    this.#leave(channel)
    return true
  }

  [Symbol.dispose](): void {
    this.#channel?.[Symbol.dispose]()
  }
}

/** How etcd says that it has forgotten a token, as after a restart, or that rights have changed. */
function isTokenProblem(text: string): boolean {
  return text.includes('invalid auth token') || text.includes('revision of auth store is old')
}
