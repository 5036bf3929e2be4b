/** Which addresses an attachment gets: a round-robin policy over a store. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import type { IpConfig } from '../../lib/cni/result.ts'
import type { Undo } from '../../lib/cni/undo.ts'
import { formatIp, parseIp, sameIp, type Ip } from '../../lib/net/ip.ts'
import { describeOwner, isOwnedBy, unknownOwner, type Owner } from './owner.ts'
import {
  candidates,
  capacity,
  formatRangeSet,
  isAllocatable,
  rangeFor,
  type Candidate,
  type RangeSet,
} from './range.ts'
import type { Store } from './store.ts'

/** What an attachment asks for. */
export interface Demand {
  readonly owner: Owner
  /** One address of each set. */
  readonly rangeSets: readonly RangeSet[]
  /** Addresses that it wants; a set in which none of them lies chooses itself. */
  readonly requested: readonly Ip[]
}

/**
 * Reserves one address of every set, in their order. How to release each is declared in `undo`.
 * Throws a `CniError` when a set has no address to give or a requested one cannot be had.
 */
export function allocate(store: Store, demand: Demand, undo: Undo): IpConfig[] {
  const { owner, rangeSets } = demand
  const wanted = assignRequested(demand)
  const owners = store.owners()
  return rangeSets.map((set, setIndex) =>
    withPrefix(`failed to allocate for range ${setIndex}: `, () => {
      const pool: Pool = { store, owners, set, setIndex }
      const request = wanted[setIndex]
      const found =
        request === undefined ? reserveNext(pool, owner) : reserveRequested(pool, owner, request)
      const address = formatIp(found.ip)
      undo.add(`release ${address}`, () => store.release(address))
      const { subnet, gateway } = found.range
      return { address: { ip: found.ip, prefix: subnet.prefix }, gateway }
    }),
  )
}

/**
 * For each set the first requested address that lies in it. Throws a `CniError` with code 7 when
 * addresses are left over.
 */
function assignRequested({ rangeSets, requested }: Demand): (Candidate | undefined)[] {
  const left = requested.filter((ip, index) => requested.findIndex((a) => sameIp(a, ip)) === index)
  const wanted = rangeSets.map((set) => {
    for (const [index, ip] of left.entries()) {
      const range = rangeFor(set, ip)
      if (range === undefined) continue
      left.splice(index, 1)
      return { ip, range }
    }
    return undefined
  })
  if (left.length === 0) return wanted
  throw new CniError(
    ErrorCode.invalidNetworkConfig,
    `failed to allocate all requested IPs: ${left.map(formatIp).join(' ')}`,
    'each range set gives one address, and a requested one must lie in a set of its own; ' +
      `the sets are ${rangeSets.map(formatRangeSet).join(' and ')}`,
  )
}

/** A range set with what is reserved in the store. */
interface Pool {
  readonly store: Store
  readonly owners: ReadonlyMap<string, Owner>
  readonly set: RangeSet
  readonly setIndex: number
}

function reserveRequested(pool: Pool, owner: Owner, request: Candidate): Candidate {
  const { store, owners, set, setIndex } = pool
  const address = formatIp(request.ip)
  if (sameIp(request.ip, request.range.gateway)) {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      `requested ip ${address} is subnet's gateway`,
      'request another address, or configure another gateway',
    )
  }
  if (store.reserve(request.ip, owner, setIndex)) return request
  throw new CniError(
    ErrorCode.tryAgainLater,
    `requested IP address ${address} is not available in range set ${formatRangeSet(set)}`,
    `${describeOwner(owners.get(address) ?? unknownOwner)} holds it, by ` +
      `${store.location}/${address}; the DEL of that attachment releases it`,
  )
}

function reserveNext(pool: Pool, owner: Owner): Candidate {
  refuseDuplicate(pool, owner)
  const { store, owners, set, setIndex } = pool
  for (const candidate of candidates(set, store.lastReserved(setIndex))) {
    if (owners.has(formatIp(candidate.ip))) continue
    if (store.reserve(candidate.ip, owner, setIndex)) return candidate
  }
  throw exhausted(store.location, [usageOf(set, owners)])
}

/** Throws when the attachment has an address of the set already: it must be deleted first. */
function refuseDuplicate({ store, owners, set }: Pool, owner: Owner): void {
  for (const [address, holder] of owners) {
    if (!isOwnedBy(holder, owner)) continue
    const ip = parseIp(address)
    if (ip === undefined || rangeFor(set, ip) === undefined) continue
    throw new CniError(
      ErrorCode.internal,
      `${address} has been allocated to ${owner.containerId}, duplicate allocation is not allowed`,
      `${store.location}/${address} was written by an ADD of the same container and interface, ` +
        'perhaps one that was interrupted; the runtime must call DEL before it calls ADD again',
    )
  }
}

/** How full a range set is. */
export interface Usage {
  readonly set: RangeSet
  readonly inUse: bigint
  readonly capacity: bigint
}

/** How many of the set's addresses are held. */
export function usageOf(set: RangeSet, owners: ReadonlyMap<string, Owner>): Usage {
  let inUse = 0n
  for (const address of owners.keys()) {
    const ip = parseIp(address)
    if (ip !== undefined && isAllocatable(set, ip)) inUse++
  }
  return { set, inUse, capacity: capacity(set) }
}

/** The error for the first of the sets, which has nothing left to give; names where they are. */
export function exhausted(location: string, usages: readonly [Usage, ...Usage[]]): CniError {
  const figures = usages.map(
    ({ set, inUse, capacity }) => `${inUse} of ${capacity} addresses of ${formatRangeSet(set)}`,
  )
  return new CniError(
    ErrorCode.tryAgainLater,
    `no IP addresses available in range set: ${formatRangeSet(usages[0].set)}`,
    `${figures.join(' and ')} are reserved in ${location}, by files that hold container IDs. ` +
      'Compare these with the sandboxes that exist (crictl pods -q): a file of any other was left ' +
      'behind and can be removed; if there is none, the range is too small for this node',
  )
}
