/**
 * The lease of this node: a key of etcd that stays what it should be. A key that is missing is made
 * again, since pods use the subnet. One with the address of another node is that node's: nothing is
 * done to it. One with this node's address, or with a value that nobody can read, gets this node's
 * value; what it has of a lease of etcd's stays, also when that is none, for so a reservation is made.
 */
import { DetailedError, fullText } from '../../../lib/base/errors.ts'
import { encodeAttributes, type Lease, type LeaseAttributes } from '../../../lib/flannel/lease.ts'
import { formatSubnetKey } from '../../../lib/flannel/subnet-key.ts'
import { sameIp } from '../../../lib/ip/ip.ts'
import { Serial } from '../../serial.ts'
import { describeSubnets } from '../choose.ts'
import type { EtcdContext } from './context.ts'
import { attributesOf, describeOwner, overlap, readRecords } from './lease-record.ts'
import type { KeyValue } from './messages.ts'

/** How long a key lasts without being renewed: 24 h in seconds, as with every flanneld. */
const leaseSeconds = 86_400

/** A lease of etcd's, by which a key ends. */
interface Term {
  readonly id: bigint
  /** When it ends if it is not renewed, by the clock of `performance`. */
  readonly endsMs: number
}

/** Of a reservation: a key without a lease of etcd's. */
const forEver: Term = { id: 0n, endsMs: Infinity }

/** So often a key may change between reading and writing it. */
const maxTries = 10

/** Another node has the subnet. */
export class LeaseTaken extends DetailedError {
  override readonly name = 'LeaseTaken'
}

/** What had to be done for the key. */
export type Settled = 'nothing' | 'put' | 'created'

export class OwnLease {
  readonly key: string
  readonly subnets: Lease['subnets']
  readonly #context: EtcdContext
  readonly #serial = new Serial()
  #attributes: LeaseAttributes
  /** What was put last. */
  #value: string
  #term: Term = forEver

  constructor(context: EtcdContext, subnets: Lease['subnets'], attributes: LeaseAttributes) {
    this.#context = context
    this.key = context.keys.leases + formatSubnetKey(subnets)
    this.subnets = subnets
    this.#attributes = attributes
    this.#value = encodeAttributes(attributes)
  }

  get lease(): Lease {
    return { subnets: this.subnets, attributes: this.#attributes }
  }

  get isReservation(): boolean {
    return this.#term === forEver
  }

  /** When it ends if it is not renewed, by the clock of `performance`: never for a reservation. */
  get endsMs(): number {
    return this.#term.endsMs
  }

  /** Whether the key is as this node has put it. */
  isAsPut({ value, lease }: Pick<KeyValue, 'value' | 'lease'>): boolean {
    return value === this.#value && lease === this.#term.id
  }

  /** Puts other attributes. Rejects with a `GrpcError`, or `LeaseTaken`. */
  publish(attributes: LeaseAttributes): Promise<Settled> {
    return this.#serial.run(async () => {
      const settled = await this.#settle(attributes)
      this.#attributes = attributes
      return settled
    })
  }

  /**
   * Has the key be there, with this node's attributes, whatever became of it. Rejects with a
   * `GrpcError`, or with `LeaseTaken`.
   */
  settle(): Promise<Settled> {
    return this.#serial.run(() => this.#settle(this.#attributes))
  }

  /** Has it last its full time again. Rejects as `settle` does. */
  renew(): Promise<Settled> {
    return this.#serial.run(async () => {
      if (this.isReservation) return 'nothing'
      const term = await this.#extend(this.#term.id)
      if (term === undefined) return await this.#settle(this.#attributes)
      this.#term = term
      return 'nothing'
    })
  }

  /** Takes a subnet that is free; false when another node is faster. Rejects with a `GrpcError`. */
  take(): Promise<boolean> {
    return this.#serial.run(async () => (await this.#create(this.#value)) === 'created')
  }

  async #settle(attributes: LeaseAttributes): Promise<Settled> {
    const { client } = this.#context
    const value = encodeAttributes(attributes)
    for (let attempt = 1; attempt <= maxTries; attempt++) {
      const kv = (await client.get(this.key)).kvs[0]
      if (kv === undefined) {
        const outcome = await this.#create(value)
        if (outcome === 'created') return outcome
        if (outcome !== 'exists') throw this.#takenBy(outcome)
      } else {
        const owner = attributesOf(kv)
        if (owner !== undefined && !this.#isOwn(kv, owner)) throw this.#takenBy(owner)
        const settled = await this.#putOver(kv, value)
        if (settled !== undefined) return settled
      }
    }
    throw new DetailedError(
      `${this.key} is changed all the time`,
      'is there another flanneld with the address of this node?',
    )
  }

  /** With what is there already, or in its place; undefined when it has changed meanwhile. */
  async #putOver(kv: KeyValue, value: string): Promise<Settled | undefined> {
    const { client, log } = this.#context
    const term = await this.#termOf(kv)
    const isPut = kv.value === value && term.id === kv.lease
    if (!isPut && !(await client.replace(kv, value, term.id))) {
      if (term.id !== kv.lease) await this.#revoke(term.id)
      return undefined
    }
    if (term === forEver && !this.isReservation) log.info(`${this.key} is a reservation now`)
    this.#value = value
    this.#term = term
    return isPut ? 'nothing' : 'put'
  }

  /** That which the key has, if it lasts; a key without one is a reservation, and stays one. */
  async #termOf({ lease }: KeyValue): Promise<Term> {
    if (lease === 0n) return forEver
    return (await this.#extend(lease)) ?? (await this.#grant())
  }

  /** Makes the key; else says that it exists, or who has addresses of it by another key. */
  async #create(value: string): Promise<'created' | 'exists' | LeaseAttributes> {
    const { client } = this.#context
    const term = await this.#grant()
    let outcome: 'created' | 'exists' | LeaseAttributes = 'exists'
    try {
      if (await client.create(this.key, value, term.id)) {
        outcome = (await this.#earlierOwner()) ?? 'created'
      }
    } finally {
      // Also when it is not known whether the key was made: it goes with the lease.
      if (outcome !== 'created') await this.#revoke(term.id)
    }
    if (outcome !== 'created') return outcome
    this.#value = value
    this.#term = term
    return outcome
  }

  /**
   * Who has made a key with addresses of this one before. Of two families the keys of two nodes can
   * differ although they have one subnet in common, so etcd does not keep them apart.
   */
  async #earlierOwner(): Promise<LeaseAttributes | undefined> {
    const { client, keys } = this.#context
    const records = readRecords(keys.leases, (await client.list(keys.leases)).kvs)
    const own = records.find(({ kv }) => kv.key === this.key)
    if (own === undefined) return undefined
    return records.find(({ kv, lease }) => {
      const isBefore = kv.createRevision < own.kv.createRevision
      return isBefore && overlap(lease, this) && !this.#isOwn(kv, lease.attributes)
    })?.lease.attributes
  }

  #isOwn({ value }: KeyValue, { publicIp }: LeaseAttributes): boolean {
    const own = this.#attributes.publicIp
    if (value === this.#value) return true
    return publicIp !== undefined && own !== undefined && sameIp(publicIp, own)
  }

  async #grant(): Promise<Term> {
    const askedMs = performance.now()
    const { id, ttl } = await this.#context.client.grant(leaseSeconds)
    return { id, endsMs: askedMs + ttl * 1000 }
  }

  /** Has etcd's lease last its full time again; undefined when it is gone, or made for less. */
  async #extend(id: bigint): Promise<Term | undefined> {
    const askedMs = performance.now()
    const ttl = await this.#context.client.keepAlive(id)
    return ttl < leaseSeconds ? undefined : { id, endsMs: askedMs + ttl * 1000 }
  }

  /** Never rejects: what is left of it ends after 24 h. */
  async #revoke(leaseId: bigint): Promise<void> {
    const { client, log } = this.#context
    try {
      await client.revoke(leaseId)
    } catch (error) {
      log.warn(`revoking a lease of etcd that is not needed: ${fullText(error)}`)
    }
  }

  #takenBy(owner: LeaseAttributes): LeaseTaken {
    return new LeaseTaken(
      `the subnet ${describeSubnets(this.subnets)} of this node now belongs to ${describeOwner(owner)}`,
      `restart flanneld, which leases another subnet, and then the pods of this node; if that node ` +
        `is gone, delete its key below ${this.#context.keys.leases} before`,
    )
  }
}
