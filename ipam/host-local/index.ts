/**
 * The host-local plugin: gives attachments addresses from ranges, and keeps on this node's disk
 * which are taken.
 */
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, errorText, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import { parsePrevResult } from '../../lib/cni/prev-result.ts'
import type { Dns, Result } from '../../lib/cni/result.ts'
import { withUndo } from '../../lib/cni/undo.ts'
import { parseValidAttachments } from '../../lib/cni/valid-attachments.ts'
import { readSmallFile } from '../../lib/files.ts'
import { formatIp } from '../../lib/net/ip.ts'
import { allocate, exhausted, usageOf } from './allocator.ts'
import { networkDirectory, parseConf, type HostLocalConf } from './conf.ts'
import { DiskStore } from './disk-store.ts'
import { withLock } from './lock.ts'
import {
  addressesOf,
  createOwner,
  describeOwner,
  isOwnedBy,
  unknownOwner,
  type Owner,
} from './owner.ts'
import { rangeFor } from './range.ts'
import { parseResolvConf } from './resolv-conf.ts'

export const hostLocal: Plugin = { name: 'host-local', add, del, check, status, gc }

function add(request: Request, context: Context): Result {
  const conf = parseConf(request, context.log)
  const dns = loadDns(conf)
  const owner = createOwner(request.containerId, request.ifName)
  makeDirectory(conf.directory)
  return withLock(conf.directory, context, () =>
    withUndo(context.log, (undo) => {
      const store = new DiskStore(conf.directory, context)
      const ips = allocate(store, { ...conf, owner }, undo)
      return { interfaces: [], ips, routes: conf.routes, dns }
    }),
  )
}

/** Releases whatever the attachment holds: ranges that were changed, or broken, do not matter. */
function del(request: Request, context: Context): void {
  const directory = networkDirectory(request.conf)
  if (!existsSync(directory)) return
  const owner = createOwner(request.containerId, request.ifName)
  withLock(directory, context, () => {
    const store = new DiskStore(directory, context)
    // Every file is looked at, also when prevResult names the addresses: an ADD that was
    // interrupted may have left one that no result ever named.
    const addresses = addressesOf(store.owners(), owner)
    attemptAll(addresses.map((address) => () => store.release(address)))
  })
}

function check(request: Request, context: Context): void {
  const conf = parseConf(request, context.log)
  const prevResult = parsePrevResult(request.conf)
  const expected = (prevResult?.ips ?? [])
    .map(({ address }) => address.ip)
    .filter((ip) => conf.rangeSets.some((set) => rangeFor(set, ip) !== undefined))
  const owner = createOwner(request.containerId, request.ifName)
  const owners = readOwners(conf.directory, context)
  if (![...owners.values()].some((holder) => isOwnedBy(holder, owner))) {
    throw new CniError(
      ErrorCode.internal,
      `host-local: Failed to find address added by container ${owner.containerId}`,
      `no file in ${conf.directory} names ${describeOwner(owner)}`,
    )
  }
  for (const address of expected.map(formatIp)) {
    const holder = owners.get(address)
    if (holder !== undefined && isOwnedBy(holder, owner)) continue
    throw new CniError(
      ErrorCode.internal,
      `host-local: address ${address} of container ${owner.containerId} is not reserved for it`,
      `${conf.directory}/${address} should name ${describeOwner(owner)}, but ` +
        (holder === undefined ? 'nobody holds the address' : `${describeOwner(holder)} holds it`),
    )
  }
}

/** Fails with code 50 when an ADD would: it needs an address of every set. */
function status(request: Request, context: Context): void {
  const conf = parseConf(request, context.log)
  unavailableUnless(() => loadDns(conf))
  unavailableUnless(() => checkWritable(conf.directory))
  const owners = existsSync(conf.directory)
    ? new DiskStore(conf.directory, context).owners() // a look that need not lock others out
    : new Map<string, Owner>()
  const usages = conf.rangeSets.map((set) => usageOf(set, owners))
  const full = usages.find(({ inUse, capacity }) => inUse >= capacity)
  if (full === undefined) return
  const others = usages.filter((usage) => usage !== full)
  throw unavailable(exhausted(conf.directory, [full, ...others]))
}

/** Releases every address whose attachment is not in the list of valid ones. */
function gc(request: Request, context: Context): void {
  const directory = networkDirectory(request.conf)
  const valid = parseValidAttachments(request.conf).map(({ containerId, ifName }) =>
    createOwner(containerId, ifName),
  )
  if (!existsSync(directory)) return
  withLock(directory, context, () => {
    const store = new DiskStore(directory, context)
    const isValid = (owner: Owner) => valid.some((attachment) => isOwnedBy(owner, attachment))
    const invalid = [...store.owners()]
      .filter(([, owner]) => owner !== unknownOwner && !isValid(owner))
      .map(([address]) => address)
    const releases = invalid.map((address) => () => store.release(address))
    attemptAll([...releases, () => store.sweep()])
  })
}

function readOwners(directory: string, context: Context): Map<string, Owner> {
  if (!existsSync(directory)) return new Map()
  return withLock(directory, context, () => new DiskStore(directory, context).owners())
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

function makeDirectory(directory: string): void {
  if (existsSync(directory)) return
  checkWritable(directory) // mkdir calls a read-only disk `no such file or directory`
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 })
  } catch (error) {
    throw unwritable(directory, error)
  }
}

/** Throws unless reservations can be written in the directory, or it can be made. */
function checkWritable(directory: string): void {
  let existing = directory
  while (!existsSync(existing)) existing = dirname(existing)
  try {
    // With a slash at its end, a path that is no directory is refused.
    accessSync(`${existing}/`, constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unwritable(directory, error)
  }
}

function unwritable(directory: string, error: unknown): CniError {
  return new CniError(
    ErrorCode.ioFailure,
    errorText(error),
    `reservations are kept in ${directory}, which must be a writable directory; ` +
      'ipam.dataDir chooses another place',
    { cause: error },
  )
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
