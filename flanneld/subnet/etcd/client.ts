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
import { type KeyValue, prefixEnd, type WatchResponse } from './messages.ts'
import * as methods from './methods.ts'

export interface EtcdOptions {
  /** URLs, e.g. `http://127.0.0.1:2379`. At least one. */
  readonly endpoints: readonly string[]
  /** For endpoints that begin with https. */
  readonly tls?: SecureClientSessionOptions
  readonly user?: { readonly name: string; readonly password: string }
}

/** Keys as they were at a revision. */
export interface Snapshot {
  readonly kvs: readonly KeyValue[]
  readonly revision: number
}

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
    return { kvs: kvs.filter((kv) => kv !== undefined), revision: header?.revision ?? 0 }
  }

  /** Puts a key, which ends with the lease of this ID; 0 for never. */
  async put(key: string, value: string, lease = 0n): Promise<void> {
    await this.#call(methods.put, { key, value, lease })
  }

  /** Puts a key that must not be there; false when it is. */
  async create(key: string, value: string, lease = 0n): Promise<boolean> {
    const { succeeded } = await this.#call(methods.transaction, {
      compare: [{ key, version: 0 }],
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
    try {
      const options = await this.#callOptions({ ...(signal && { signal }) })
      const metadata = { ...options.metadata, hasleader: 'true' }
      for await (const response of this.#connect().stream(
        methods.watch,
        { create },
        { ...options, metadata },
      )) {
        if (isTokenProblem(response.cancelReason)) this.#token = undefined
        yield response
        if (response.canceled) return
      }
    } catch (error) {
      this.#noteFailure(error)
      throw error
    }
  }

  async #call<Q, A>(method: Method<Q, A>, request: Partial<Q>): Promise<A> {
    const attempts = this.#options.endpoints.length + 1 // and once more with a new token
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#connect().call(method, request, await this.#callOptions({}))
      } catch (error) {
        if (!this.#noteFailure(error) || attempt === attempts) throw error
      }
    }
  }

  async #callOptions(options: CallOptions): Promise<CallOptions> {
    const { user } = this.#options
    if (user === undefined) return options
    this.#token ??= (await this.#connect().call(methods.authenticate, user)).token
    return { ...options, metadata: { token: this.#token } }
  }

  #connect(): Channel {
    const { endpoints, tls } = this.#options
    if (this.#channel?.isUsable !== true) {
      this.#channel?.[Symbol.dispose]()
      this.#channel = Channel.open(endpoints[this.#endpoint] ?? '', tls)
    }
    return this.#channel
  }

  /** Whether another try may succeed; it goes to the next endpoint, or with a new token. */
  #noteFailure(error: unknown): boolean {
    if (!(error instanceof GrpcError)) return false
    if (error.code === UNAUTHENTICATED || isTokenProblem(error.message)) {
      const isOld = this.#token !== undefined
      this.#token = undefined
      return isOld
    }
    if (error.code !== UNAVAILABLE) return false
    this.#channel?.[Symbol.dispose]()
    this.#channel = undefined
    this.#endpoint = (this.#endpoint + 1) % this.#options.endpoints.length
    return true
  }

  [Symbol.dispose](): void {
    this.#channel?.[Symbol.dispose]()
  }
}

/** How etcd says that it has forgotten a token, as after a restart. */
function isTokenProblem(text: string): boolean {
  return text.includes('invalid auth token')
}
