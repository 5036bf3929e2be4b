/**
 * What of the agent's matters there is in the kernel: read once, and then kept true by what the
 * kernel tells. So nothing has to be read again while nothing changes.
 */
import { type Address, addressList } from '../../lib/net/address.ts'
import type { Change } from '../../lib/net/change.ts'
import { fdbList } from '../../lib/net/fdb.ts'
import { type Link, linkList } from '../../lib/net/link.ts'
import { neighbourList } from '../../lib/net/neighbour.ts'
import { type Route, routeList } from '../../lib/net/route.ts'
import type { Family } from '../../lib/ip/ip.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { type NeighbourMessage, NUD_PERMANENT } from '../../lib/netlink/neighbour.ts'
import { RT_TABLE_MAIN, RTPROT_BOOT, RTPROT_KERNEL } from '../../lib/netlink/route.ts'
import { type Entry, entryPriority, keyOf } from './entry.ts'
import type { Step } from './plan.ts'

/** Which entries matter: those that the agent wants, and those that it has to remove. */
export interface Interest {
  /** The agent's own devices, by name. */
  readonly devices: ReadonlySet<string>
  /** The link between the nodes, by name. */
  readonly underlay: string
  /** Whether something is wanted of the key. */
  wants(key: string): boolean
  /** Whether the entry is the agent's to remove when it is not wanted. */
  owns(entry: Entry): boolean
}

/** What has to be done after a change. */
export type Effect =
  | { readonly kind: 'key'; readonly key: string }
  /** More may have changed than the kernel tells: everything has to be read again. */
  | { readonly kind: 'reload' }
  /** The link between the nodes, or one of its addresses, has changed. */
  | { readonly kind: 'underlay' }

const families: readonly Family[] = [4, 6]

export class Mirror {
  readonly #interest: Interest
  readonly #links = new Map<number, Link>()
  #entries = new Map<string, Entry>()

  constructor(interest: Interest) {
    this.#interest = interest
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key)
  }

  get keys(): Iterable<string> {
    return this.#entries.keys()
  }

  link(name: string): Link | undefined {
    return this.#links.values().find((link) => link.name === name)
  }

  /** Notes what a link is like now. */
  setLink(link: Link): void {
    this.#links.set(link.index, link)
  }

  /** Forgets everything, and reads it again. Throws a `NetlinkError`. */
  load(connection: Connection): void {
    this.#links.clear()
    this.#entries = new Map()
    for (const link of linkList(connection)) this.#links.set(link.index, link)
    for (const family of families) {
      for (const route of routeList(connection, { family })) this.#note(this.#routeEntry(route))
    }
    for (const { index, name } of this.#links.values()) {
      if (this.#interest.devices.has(name)) this.#loadDevice(connection, index, name)
    }
  }

  #loadDevice(connection: Connection, index: number, link: string): void {
    for (const address of addressList(connection, index)) {
      this.#note({ kind: 'address', cidr: address.cidr, link })
    }
    for (const family of families) {
      for (const { ip, mac, permanent } of neighbourList(connection, {
        linkIndex: index,
        family,
      })) {
        if (permanent) this.#note({ kind: 'neighbour', ip, mac, link })
      }
    }
    for (const { mac, dst, permanent } of fdbList(connection, index)) {
      if (permanent) this.#note({ kind: 'fdb', mac, dst, link })
    }
  }

  #note(entry: Entry | undefined): void {
    if (entry === undefined) return
    const key = keyOf(entry)
    if (this.#interest.wants(key) || this.#interest.owns(entry)) this.#entries.set(key, entry)
  }

  /** Takes over what was done, before the kernel tells of it. */
  note({ do: verb, key, entry }: Step): void {
    if (verb === 'set') this.#entries.set(key, entry)
    else this.#entries.delete(key)
  }

  /** Takes a change over; returns what that makes necessary. */
  apply(change: Change): Effect[] {
    if ('link' in change) return this.#applyLink(change.link, change.isGone)
    if ('address' in change) return this.#applyAddress(change)
    if ('route' in change) return this.#applyEntry(this.#routeEntry(change.route), change.isGone)
    const isFdb = 'fdb' in change
    const message = isFdb ? change.fdb : change.neighbour
    // one whose MAC is not known, or that grows old, is as good as none
    const isPermanent = (message.state & NUD_PERMANENT) !== 0 && message.mac !== undefined
    const entry = isFdb ? this.#fdbEntry(message) : this.#neighbourEntry(message)
    return this.#applyEntry(entry, change.isGone || !isPermanent)
  }

  #applyLink(link: Link, isGone: boolean): Effect[] {
    const before = this.#links.get(link.index)
    if (isGone) this.#links.delete(link.index)
    else this.#links.set(link.index, link)
    const { devices, underlay } = this.#interest
    const names = [link.name, before?.name ?? '']
    const isUnderlay = names.includes(underlay)
    if (!isUnderlay && !names.some((name) => devices.has(name))) return []
    const isSame =
      !isGone && before !== undefined && before.name === link.name && before.up === link.up
    return [
      // the kernel does not tell which routes went with a link that went down
      isSame ? { kind: 'key', key: `link ${link.name}` } : { kind: 'reload' },
      ...(isUnderlay ? [{ kind: 'underlay' } as const] : []),
    ]
  }

  #applyAddress(change: { address: Address; linkIndex: number; isGone: boolean }): Effect[] {
    const link = this.#links.get(change.linkIndex)?.name ?? ''
    // routes and neighbours go with an address, too, and the kernel does not tell of them
    if (link === this.#interest.underlay) return [{ kind: 'reload' }, { kind: 'underlay' }]
    if (!this.#interest.devices.has(link)) return []
    const entry: Entry = { kind: 'address', cidr: change.address.cidr, link }
    const effects = this.#applyEntry(entry, change.isGone)
    return change.isGone ? [...effects, { kind: 'reload' }] : effects
  }

  #applyEntry(entry: Entry | undefined, isGone: boolean): Effect[] {
    if (entry === undefined) return []
    const key = keyOf(entry)
    if (!this.#interest.wants(key) && !this.#interest.owns(entry)) return []
    if (isGone) this.#entries.delete(key)
    else this.#entries.set(key, entry)
    return [{ kind: 'key', key }]
  }

  #routeEntry(route: Route): Entry | undefined {
    const { kind, dst, gateway, linkIndex, table, onlink, priority, protocol } = route
    const isByKernel = protocol === RTPROT_KERNEL
    if (kind === undefined || table !== RT_TABLE_MAIN || isByKernel) return undefined
    const link = linkIndex === undefined ? undefined : this.#links.get(linkIndex)?.name
    if (linkIndex !== undefined && link === undefined) return undefined
    return {
      kind: 'route',
      type: kind,
      dst,
      ...(gateway && { gateway }),
      ...(link !== undefined && kind === 'unicast' && { link }),
      onlink,
      ...entryPriority(dst, priority),
      ...(protocol !== RTPROT_BOOT && { protocol }),
    }
  }

  #fdbEntry({ index, mac, dst }: NeighbourMessage): Entry | undefined {
    const link = this.#links.get(index)?.name
    if (link === undefined || mac === undefined || dst === undefined) return undefined
    return { kind: 'fdb', mac, dst, link }
  }

  #neighbourEntry({ index, dst, mac = '' }: NeighbourMessage): Entry | undefined {
    const link = this.#links.get(index)?.name
    return link === undefined || dst === undefined
      ? undefined
      : { kind: 'neighbour', ip: dst, mac, link }
  }
}
