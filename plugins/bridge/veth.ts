/** The veth pair between the bridge and the sandbox. */
import { CniError, ErrorCode, hasCode, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import { linkByIndex, linkByName, linkDelete, vethAdd, type Link } from '../../lib/net/link.ts'
import { macFromBytes } from '../../lib/net/mac.ts'
import type { Netns } from '../../lib/net/netns.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { BridgeConf } from './conf.ts'

/** A name that is taken is tried again with another, so often. */
const attempts = 10

export interface VethPair {
  /** The end that is a port of the bridge, up. */
  readonly host: Link
  /** The end in the sandbox, down. */
  readonly container: Link
}

/** Where an attachment lives: both namespaces, each by a connection. */
export interface Places {
  readonly host: Connection
  readonly netns: Netns
  readonly sandbox: Connection
}

/**
 * The name that the host's end of an attachment has, unless another attachment's is the same: the
 * kernel needs it to be unique, and a repeated ADD or a DEL without a sandbox finds it by this.
 */
export function hostVethName({ containerId, ifName }: Request): string {
  return `veth${fnv1a(`${containerId}:${ifName}`).toString(16).padStart(8, '0')}`
}

/** The 32-bit FNV-1a hash of a text. Loading node:crypto for a better one takes 6 ms. */
function fnv1a(text: string): number {
  return (
    Buffer.from(text).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5) >>> 0
  )
}

/**
 * What the host's end is marked with, as its alias, when the attachment is complete: an end with
 * the name of an attachment and without its alias is left from an ADD that was interrupted.
 */
export function hostVethAlias({ conf, containerId, ifName }: Request): string {
  return `${conf.name}/${containerId}/${ifName}`
}

/**
 * Creates the pair, each end where it belongs. Throws when the sandbox has an interface of that
 * name already, unless that is what an interrupted ADD of the same attachment left.
 */
export function createVeth(
  places: Places,
  bridge: Link,
  conf: BridgeConf,
  request: Request,
  context: Context,
): VethPair {
  const { host, netns, sandbox } = places
  const { mtu } = conf
  const peer = { name: request.ifName, mtu, mac: conf.mac ?? randomMac(context), netns: netns.fd }
  for (let attempt = 0; ; attempt++) {
    const name = attempt === 0 ? hostVethName(request) : randomName(context)
    try {
      const end = { name, mtu, mac: randomMac(context), master: bridge.index, peer }
      const created = vethAdd(host, end)
      const container = linkByName(sandbox, request.ifName)
      if (container === undefined) throw new Error(`${request.ifName} vanished from the sandbox`)
      return { host: created, container }
    } catch (error) {
      if (!hasCode(error, 'EEXIST')) throw notMade(error)
      if (removeInterrupted(places, request)) {
        context.log.warn(`removed ${name}, which an interrupted ADD of this attachment left`)
      } else if (linkByName(sandbox, request.ifName) !== undefined) throw taken(name, request)
      if (attempt === attempts) throw notMade(error)
    }
  }
}

/**
 * Whether an ADD of this attachment was interrupted, and left its pair: it is deleted then. A pair
 * that is complete, or that another plugin made, is not touched.
 */
function removeInterrupted({ host, sandbox }: Places, request: Request): boolean {
  const end = linkByName(host, hostVethName(request))
  if (end?.kind !== 'veth' || end.alias !== undefined || end.peer === undefined) return false
  const peer = linkByIndex(sandbox, end.peer)
  if (peer?.name !== request.ifName || peer.peer !== end.index) return false
  deleteLink(host, end)
  return true
}

/** Deletes the host's end by its name, for an attachment whose sandbox is gone. */
export function removeOrphan(host: Connection, request: Request): void {
  const end = linkByName(host, hostVethName(request))
  const ours = end?.alias === undefined || end.alias === hostVethAlias(request)
  if (end?.kind === 'veth' && ours) deleteLink(host, end)
}

/** Deletes a link; one that is gone already is fine. */
export function deleteLink(connection: Connection, { index }: Link): void {
  try {
    linkDelete(connection, index)
  } catch (error) {
    if (!hasCode(error, 'ENODEV')) throw error
  }
}

/** A random MAC address, locally administered and unicast. */
export function randomMac({ randomBytes }: Context): string {
  const bytes = randomBytes(6)
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02
  return macFromBytes(bytes)
}

/** A name as the Go plugins choose it. */
export function randomName({ randomBytes }: Context): string {
  return `veth${randomBytes(4).toHex()}`
}

function taken(name: string, { ifName, netns }: Request): CniError {
  return new CniError(
    ErrorCode.internal,
    `container veth name ("${ifName}") peer provided ("${name}") already exists`,
    `${netns} has an interface ${ifName} already: the runtime must call DEL before another ADD`,
  )
}

function notMade(error: unknown): CniError {
  const { code, message, details } = toCniError(error)
  return new CniError(code, `failed to make veth pair: ${message}`, details, { cause: error })
}
