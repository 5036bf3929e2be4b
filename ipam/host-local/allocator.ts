/** Which addresses an attachment gets: a round-robin policy over a store. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import type { IpConfig } from '../../lib/cni/result.ts'
import { formatIp, type Ip, parseIp, sameIp } from '../../lib/ip/ip.ts'
import { describeOwner, type Owner } from './owner.ts'
import {
  type Candidate,
  candidates,
  capacity,
  formatRangeSet,
  isAllocatable,
  rangeFor,
  type RangeSet,
} from './range.ts'
import type { Sandbox } from './reservation.ts'
import type { Store } from './store.ts'

/** What an attachment asks for. */
export interface Demand {
  readonly owner: Owner
  readonly sandbox: Sandbox
  /** One address of each set. */
  readonly rangeSets: readonly RangeSet[]
  /** Addresses that it wants; a set in which none of them lies chooses itself. */
  readonly requested: readonly Ip[]
}

/**
 * Reserves one address of every set, in their order, or none at all. Where none is left `reclaim` is
 * asked to take some back, which tells whether it could. Throws a `CniError` when a set has no
 * address to give or a requested one cannot be had.
 */
export function allocate(store: Store, demand: Demand, reclaim: () => boolean): IpConfig[] {
  const { owner, sandbox, rangeSets } = demand
  const wanted = assignRequested(demand)
  const held = store.holdings(owner).flatMap(({ addresses }) => addresses)
  for (;;) {
    const chosen = rangeSets.map((set, setIndex) =>
      withPrefix(`failed to allocate for range ${setIndex}: `, () => {
        const pool: Pool = { store, set, setIndex, reclaim }
        const request = wanted[setIndex]
        if (request !== undefined) return checkRequested(pool, request)
        refuseDuplicate(pool, owner, held)
        return chooseNext(pool)
      }),
    )
    const ips = chosen.map(({ ip }) => ip)
    if (store.reserve(owner, sandbox, ips)) return chosen.map(toIpConfig)
    // A program without the lock was faster: it has one of the addresses now, and they are finite.
  }
}

function toIpConfig({ ip, range: { subnet, gateway } }: Candidate): IpConfig {
  return { address: { ip, prefix: subnet.prefix }, gateway }
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

/** A range set with the store of its reservations. */
interface Pool {
  readonly store: Store
  readonly set: RangeSet
  readonly setIndex: number
  readonly reclaim: () => boolean
}

function checkRequested({ store, set, reclaim }: Pool, request: Candidate): Candidate {
  const address = formatIp(request.ip)
  if (sameIp(request.ip, request.range.gateway)) {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      `requested ip ${address} is subnet's gateway`,
      'request another address, or configure another gateway',
    )
  }
  let holder = store.holder(address)
  if (holder !== undefined && reclaim()) holder = store.holder(address)
  if (holder === undefined) return request
  throw new CniError(
    ErrorCode.tryAgainLater,
    `requested IP address ${address} is not available in range set ${formatRangeSet(set)}`,
    `${describeOwner(holder)} holds it, by ` +
      `${store.location}/${address}; the DEL of that attachment releases it`,
  )
}

/** The first address that nobody holds, beginning behind the one that was reserved last. */
function chooseNext({ store, set, setIndex, reclaim }: Pool): Candidate {
  const last = store.lastReserved(setIndex)
  const find = () => candidates(set, last).find(({ ip }) => isFree(store, ip))
  const found = find() ?? (reclaim() ? find() : undefined)
  if (found !== undefined) return found
  throw exhausted(store, [usageOf(set, store.owners())])
}

function isFree(store: Store, ip: Ip): boolean {
  return store.holder(formatIp(ip)) === undefined
}

/** Throws when the attachment has an address of the set already: it must be deleted first. */
function refuseDuplicate({ store, set }: Pool, owner: Owner, held: readonly string[]): void {
  const duplicate = held.find((address) => {
    const ip = parseIp(address)
    return ip !== undefined && rangeFor(set, ip) !== undefined
  })
  if (duplicate === undefined) return
  throw new CniError(
    ErrorCode.internal,
    `${duplicate} has been allocated to ${owner.containerId}, duplicate allocation is not allowed`,
    `${store.location}/${duplicate} was written by an ADD of the same container and interface, ` +
      'perhaps one that was interrupted; the runtime must call DEL before it calls ADD again',
  )
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
export function exhausted(
  { location, isShared }: Pick<Store, 'location' | 'isShared'>,
  usages: readonly [Usage, ...Usage[]],
): CniError {
  const figures = usages.map(
    ({ set, inUse, capacity }) => `${inUse} of ${capacity} addresses of ${formatRangeSet(set)}`,
  )
  const places = isShared ? ' on each machine that has the folder' : ''
  const narrow = isShared ? 'these machines' : 'this node'
  return new CniError(
    ErrorCode.tryAgainLater,
    `no IP addresses available in range set: ${formatRangeSet(usages[0].set)}`,
    `${figures.join(' and ')} are reserved in ${location}, by files that hold container IDs; ` +
      'those of pods that are known to be gone were taken back. ' +
      'Compare them with the sandboxes that exist (crictl pods -q)' +
      `${places}: a file of any other was left behind and can be removed; ` +
      `if there is none, the range is too small for ${narrow}`,
  )
}
