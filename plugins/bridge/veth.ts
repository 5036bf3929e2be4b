/** The veth pair between the bridge and the sandbox. */
import { hasCode } from '../../lib/base/errors.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { CniError, ErrorCode, toCniError } from '../../lib/cni/errors.ts'
import type { Request } from '../../lib/cni/plugin.ts'
import type { Undo } from '../../lib/cni/undo.ts'
import { type Link, linkByIndex, linkByName, vethAdd } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Attaching, Places } from './attaching.ts'
import { deleteLink } from './delete-link.ts'
import { randomMac } from './mac.ts'
import { hostVethAlias, hostVethName, randomVethName } from './veth-name.ts'

/** A name that is taken is tried again with another, so often. */
const attempts = 10

export interface VethPair {
  /** The end that is a port of the bridge, up. */
  readonly host: Link
  /** The end in the sandbox, down. */
  readonly container: ContainerLink
}

export type ContainerLink = Pick<Link, 'index' | 'name' | 'mac'>

/**
 * Creates the pair, each end where it belongs; `undo` deletes it. Throws when the sandbox has an
 * interface of that name already, unless that is what an interrupted ADD of the same attachment left.
 */
export function createVeth(attaching: Attaching, bridge: Link, undo: Undo): VethPair {
  const { request, places } = attaching
  // Declared before: the kernel's answer may get lost, behind a pair that it has made.
  undo.add('unfinished link', () => removeInterrupted(places, request))
  const pair = createNamed(attaching, bridge)
  undo.add(`link ${pair.host.name}`, () => deleteLink(places.host, pair.host))
  return pair
}

function createNamed(attaching: Attaching, bridge: Link): VethPair {
  const { request, context, places } = attaching
  let name = hostVethName(request)
  for (let attempt = 1; ; attempt++) {
    try {
      return addPair(attaching, bridge, name)
    } catch (error) {
      if (!hasCode(error, 'EEXIST') || attempt === attempts) throw notMade(error)
      if (removeInterrupted(places, request)) {
        context.log.warn(`removed ${name}, which an interrupted ADD of this attachment left`)
      } else if (linkByName(places.sandbox, request.ifName) !== undefined) {
        throw taken(name, request)
      } else {
        name = randomVethName(context)
      }
    }
  }
}

function addPair({ conf, request, context, places }: Attaching, bridge: Link, name: string) {
  const { mtu, mac = randomMac(context) } = conf
  const { host, netns } = places
  const { ifName } = request
  const peer = { name: ifName, mtu, mac, netns: netns.fd }
  const end = { name, mtu, mac: randomMac(context), master: bridge.index, peer }
  const created = vethAdd(host, end)
  if (created.parent === undefined) throw new Error(`${name} has no other end`)
  return { host: created, container: { index: created.parent, name: ifName, mac } }
}

/**
 * Whether an ADD of this attachment was interrupted, and left its pair: it is deleted then. A pair
 * that is complete, or that another plugin made, is not touched.
 */
function removeInterrupted({ host, sandbox }: Places, attachment: Attachment): boolean {
  const end = linkByName(host, hostVethName(attachment))
  if (end?.kind !== 'veth' || end.alias !== undefined || end.parent === undefined) return false
  const peer = linkByIndex(sandbox, end.parent)
  if (peer?.name !== attachment.ifName || peer.parent !== end.index) return false
  deleteLink(host, end)
  return true
}

/** Deletes the host's end by its name, for an attachment whose link is not in its sandbox. */
export function removeOrphan(host: Connection, attachment: Attachment): void {
  const end = linkByName(host, hostVethName(attachment))
  const ours = end?.alias === undefined || end.alias === hostVethAlias(attachment)
  if (end?.kind === 'veth' && ours) deleteLink(host, end)
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
