/** The attachments of this node, put together from all that knows of them. */
import { type Attachment, nameOf, type RuntimeAttachment } from '../../lib/cni/attachment.ts'
import type { Interface, Result } from '../../lib/cni/result.ts'
import type { KeptAttachment } from '../../lib/libcni/attachment-cache.ts'
import type { Link } from '../../lib/net/link.ts'
import { footprints } from './plugin-calls.ts'
import type { Reservation } from './reservations.ts'

/** What is known of an attachment: whatever its sources say. */
export interface NodeAttachment extends RuntimeAttachment {
  /** What the runtime keeps of it; undefined when it keeps none. */
  readonly result: Result | undefined
  readonly reservations: readonly Reservation[]
  /** The host's end of its veth pair. */
  readonly port: Link | undefined
  /** When it was made, in milliseconds since the epoch; undefined when that is not known. */
  readonly since: number | undefined
}

/** Where attachments are known. */
export interface Sources {
  /** What runtimes keep, each with its result if that can be read. */
  readonly kept: readonly (KeptAttachment & { readonly result: Result | undefined })[]
  readonly reservations: readonly Reservation[]
  /** The links of the node. */
  readonly links: readonly Link[]
}

/** The attachments of the sources, each once, in the order of network and container. */
export function mergeAttachments({ kept, reservations, links }: Sources): NodeAttachment[] {
  const merged = new Map<string, NodeAttachment>()
  for (const { keptSince: since, ...attachment } of kept) {
    const port = hostEnd(attachment.result, links)
    const known = { ...attachment, reservations: [], port, since }
    merged.set(keyOf(known), known)
  }
  for (const link of links) {
    const name = attachmentOf(link)
    if (name === undefined) continue
    merged.set(keyOf(name), { ...unknown, ...name, ...merged.get(keyOf(name)), port: link })
  }
  for (const reservation of reservations) {
    const owner = reservation.machine === 'other' ? undefined : findOwner(merged, reservation)
    // Where several machines have the folder, only what one here has made tells of an attachment.
    if (owner === undefined && reservation.machine !== 'this') continue
    const known = owner ?? { ...unknown, ...nameOf(reservation) }
    merged.set(keyOf(known), {
      ...known,
      reservations: [...known.reservations, reservation],
      since: known.since ?? reservation.since,
    })
  }
  return [...merged]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, attachment]) => ({ ...attachment, netns: netnsOf(attachment) }))
}

/**
 * The path of the sandbox: the runtime's word, or else the result's, or else what host-local has
 * seen. Runtimes with an old release of the Go library, such as containerd 1.6, keep none.
 */
function netnsOf({ netns, ifName, result, reservations }: NodeAttachment): string {
  const known = [
    netns,
    ...(result?.interfaces ?? []).filter(({ name }) => name === ifName).map(sandboxOf),
    ...(result?.interfaces ?? []).map(sandboxOf),
    ...reservations.map((reservation) => reservation.netns),
  ]
  return known.find((path) => path !== '') ?? ''
}

function sandboxOf({ sandbox = '' }: Interface): string {
  return sandbox
}

const unknown = {
  netns: '',
  args: [],
  capabilityArgs: {},
  result: undefined,
  reservations: [],
  port: undefined,
  since: undefined,
} as const

function keyOf({ network, containerId, ifName }: Attachment): string {
  return [network, containerId, ifName].join('/')
}

/** The attachment whose host end a link is. */
function attachmentOf(link: Link): Attachment | undefined {
  for (const { links } of footprints) {
    const attachment = links?.attachmentOf(link)
    if (attachment !== undefined) return attachment
  }
  return undefined
}

/** The attachment of a reservation; an old one does not say which interface it is for. */
function findOwner(
  merged: ReadonlyMap<string, NodeAttachment>,
  reservation: Reservation,
): NodeAttachment | undefined {
  if (reservation.ifName !== '') return merged.get(keyOf(reservation))
  const { network, containerId } = reservation
  return merged
    .values()
    .find((known) => known.network === network && known.containerId === containerId)
}

/** The veth among the host's interfaces of a result: the Go plugins give it no alias. */
function hostEnd(result: Result | undefined, links: readonly Link[]): Link | undefined {
  const names = (result?.interfaces ?? [])
    .filter(({ sandbox = '' }) => sandbox === '')
    .map(({ name }) => name)
  return links.find(({ name, kind }) => kind === 'veth' && names.includes(name))
}
