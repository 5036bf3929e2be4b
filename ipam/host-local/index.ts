/**
 * The host-local plugin: gives attachments addresses from ranges, and keeps on this node's disk
 * which are taken.
 */
import { existsSync } from 'node:fs'
import { errorText, fullText } from '../../lib/base/errors.ts'
import { readSmallFile } from '../../lib/base/files.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import { parsePrevResult } from '../../lib/cni/prev-result.ts'
import type { Dns, Result } from '../../lib/cni/result.ts'
import { parseValidAttachments } from '../../lib/cni/valid-attachments.ts'
import { formatIp } from '../../lib/ip/ip.ts'
import { allocate, exhausted, usageOf } from './allocator.ts'
import { type HostLocalConf, networkDirectory, parseConf } from './conf.ts'
import { checkWritable, makeDirectory } from './directory.ts'
import { DiskStore } from './disk-store.ts'
import { withStore } from './locked-store.ts'
import { type Machine, ThisMachine } from './machine.ts'
import {
  checkOwner,
  createOwner,
  describeOwner,
  isOwnedBy,
  type Owner,
  unknownOwner,
} from './owner.ts'
import { rangeFor } from './range.ts'
import { ownersThatStay, reclaim } from './reclaim.ts'
import type { Sandbox } from './reservation.ts'
import { parseResolvConf } from './resolv-conf.ts'
import { describeSandbox } from './sandboxes.ts'
import type { Holding, Store } from './store.ts'

export const hostLocal: Plugin = { name: 'host-local', add, del, check, status, gc }

function add(request: Request, context: Context): Result {
  const { log } = context
  const conf = parseConf(request, log)
  const dns = loadDns(conf)
  const owner = createOwner(request.containerId, request.ifName)
  checkOwner(owner)
  const here = new ThisMachine(log)
  const sandbox = describeSandbox(request.netns, here.bootId, log)
  makeDirectory(conf.directory)
  return withStore(conf.directory, here, context, (store) => {
    const { sandboxes } = store
    const demand = { ...conf, owner, sandbox: sandboxes.locate(sandbox) }
    const takeBack = () => reclaim(store, (sandbox) => sandboxes.isGone(sandbox), log)
    return { interfaces: [], ips: allocate(store, demand, takeBack), routes: conf.routes, dns }
  })
}

/**
 * Releases whatever the attachment holds: ranges that were changed, or broken, do not matter. What
 * another machine has reserved for one of the same name stays.
 */
function del(request: Request, context: Context): void {
  const directory = networkDirectory(request.conf)
  if (!existsSync(directory)) return
  const attachment = createOwner(request.containerId, request.ifName)
  withStore(directory, new ThisMachine(context.log), context, (store) => {
    // Old files with the container ID alone count only when there is no other.
    const [own] = store.holdings(attachment)
    if (own === undefined) return
    const other = store.isShared
      ? store.sandboxes.otherMachine(store.sandboxOf(own.owner))
      : undefined
    if (other === undefined) store.release(own)
    else context.log.warn(staysReserved(store, own, other))
  })
}

function staysReserved({ location }: Store, { owner, addresses }: Holding, other: Machine): string {
  return (
    `${addresses.join(' and ')} of ${describeOwner(owner)} in ${location} stays reserved: ` +
    `machine ${other.hostname} has it, and releases it by its own DEL`
  )
}

function check(request: Request, context: Context): void {
  const conf = parseConf(request, context.log)
  const prevResult = parsePrevResult(request.conf)
  const expected = (prevResult?.ips ?? [])
    .map(({ address }) => address.ip)
    .filter((ip) => conf.rangeSets.some((set) => rangeFor(set, ip) !== undefined))
  const attachment = createOwner(request.containerId, request.ifName)
  if (!existsSync(conf.directory)) throw notFound(conf.directory, attachment)
  withStore(conf.directory, new ThisMachine(context.log), context, (store) => {
    if (store.holdings(attachment).length === 0) throw notFound(conf.directory, attachment)
    for (const ip of expected) checkHeld(store, formatIp(ip), attachment)
  })
}

function notFound(directory: string, attachment: Owner): CniError {
  return new CniError(
    ErrorCode.internal,
    `host-local: Failed to find address added by container ${attachment.containerId}`,
    `no file in ${directory} names ${describeOwner(attachment)}`,
  )
}

function checkHeld(store: Store, address: string, attachment: Owner): void {
  const holder = store.holder(address)
  if (holder !== undefined && isOwnedBy(holder, attachment)) return
  const { containerId } = attachment
  throw new CniError(
    ErrorCode.internal,
    `host-local: address ${address} of container ${containerId} is not reserved for it`,
    `${store.location}/${address} should name ${describeOwner(attachment)}, but ` +
      (holder === undefined ? 'nobody holds the address' : `${describeOwner(holder)} holds it`),
  )
}

/**
 * Fails with code 50, or 7, while every ADD would, whatever pods come and go. A full range is logged
 * only: a node whose STATUS fails becomes NotReady, and its pods, which have all the addresses, are
 * evicted.
 */
function status(request: Request, context: Context): void {
  const conf = parseConf(request, context.log)
  unavailableUnless(() => loadDns(conf))
  unavailableUnless(() => checkWritable(conf.directory))
  unavailableUnless(() => checkRoom(conf, context))
}

/** Throws when a range has no address to give at all, and logs it when one has given them all. */
function checkRoom({ directory, rangeSets }: HostLocalConf, context: Context): void {
  const store = existsSync(directory)
    ? new DiskStore(directory, new ThisMachine(context.log), context)
    : undefined
  const owners =
    store === undefined
      ? new Map<string, Owner>()
      : ownersThatStay(store, (sandbox) => store.sandboxes.isGone(sandbox))
  const usages = rangeSets.map((set) => usageOf(set, owners))
  const full = usages.find(({ inUse, capacity }) => inUse >= capacity)
  if (full === undefined) return
  const others = usages.filter((usage) => usage !== full)
  const { isShared = false } = store ?? {}
  const error = exhausted({ location: directory, isShared }, [full, ...others])
  if (usages.some(({ capacity }) => capacity === 0n)) throw error
  context.log.warn(fullText(error))
}

/**
 * Releases every address of this machine whose attachment is not in the list of valid ones: that
 * list has no other machine's.
 */
function gc(request: Request, context: Context): void {
  const directory = networkDirectory(request.conf)
  const valid = parseValidAttachments(request.conf).map(({ containerId, ifName }) =>
    createOwner(containerId, ifName),
  )
  if (!existsSync(directory)) return
  withStore(directory, new ThisMachine(context.log), context, (store) => {
    const isValid = (owner: Owner) => valid.some((attachment) => isOwnedBy(owner, attachment))
    const sandboxes = sandboxesByAddress(store)
    const invalid = [...store.owners()].filter(
      ([address, owner]) =>
        owner !== unknownOwner && !isValid(owner) && store.sandboxes.isOurs(sandboxes.get(address)),
    )
    const releases = invalid.map(
      ([address, owner]) =>
        () =>
          store.release({ owner, addresses: [address] }),
    )
    attemptAll([...releases, () => store.repair()])
  })
}

function sandboxesByAddress(store: Store): Map<string, Sandbox> {
  const pairs = store
    .located()
    .flatMap(({ addresses, sandbox }) => addresses.map((address) => [address, sandbox] as const))
  return new Map(pairs)
}

function loadDns({ resolvConf }: HostLocalConf): Dns {
  if (resolvConf === '') return {}
  try {
    return parseResolvConf(readSmallFile(resolvConf))
  } catch (error) {
    const details = 'ipam.resolvConf must name a readable file; leave it out to give no DNS'
    throw new CniError(ErrorCode.invalidNetworkConfig, errorText(error), details, { cause: error })
  }
}

/** Runs a test of readiness; what it throws gets code 50. */
function unavailableUnless(test: () => unknown): void {
  try {
    test()
  } catch (error) {
    throw unavailable(error)
  }
}

function unavailable(error: unknown): CniError {
  const { message, details } = toCniError(error)
  return new CniError(ErrorCode.pluginNotAvailable, message, details, { cause: error })
}
