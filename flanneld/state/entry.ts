/** What the agent has in the kernel on a device: addresses, routes, neighbours, FDB entries. */
import { type Cidr, family, type Family, formatCidr, formatIp, type Ip } from '../../lib/ip/ip.ts'
import type { RouteKind } from '../../lib/net/route.ts'

/** Links are named: their indexes change when they are made anew. */
export type Entry = AddressEntry | RouteEntry | NeighbourEntry | FdbEntry

export interface AddressEntry {
  readonly kind: 'address'
  readonly cidr: Cidr
  readonly link: string
}

/** A route of the main table. */
export interface RouteEntry {
  readonly kind: 'route'
  /** `other` is for what the agent never makes: unreachable, prohibit, … */
  readonly type: RouteKind | 'other'
  readonly dst: Cidr
  readonly gateway?: Ip
  /** Absent for a blackhole. */
  readonly link?: string
  /** The gateway is on the link even if no prefix of the link holds it. */
  readonly onlink: boolean
  /** Over how many ways packets are spread, of which this is the first; absent for one. */
  readonly hops?: number
  /** Absent for the kernel's default of the family. */
  readonly priority?: number
  /** Who made it (RTPROT_*); absent for RTPROT_BOOT, as for what is made by hand. */
  readonly protocol?: number
}

/** A permanent neighbour. */
export interface NeighbourEntry {
  readonly kind: 'neighbour'
  readonly ip: Ip
  readonly mac: string
  readonly link: string
}

/** To which host a vxlan device sends what is for a MAC. */
export interface FdbEntry {
  readonly kind: 'fdb'
  readonly mac: string
  readonly dst: Ip
  readonly link: string
}

/** The priority of a route for which none is given: 0, and IP6_RT_PRIO_USER of linux/ipv6_route.h. */
const defaultPriority: Readonly<Record<Family, number>> = { 4: 0, 6: 1024 }

/** The priority as an entry has it. */
export function entryPriority(dst: Cidr, priority: number): { priority?: number } {
  return priority === defaultPriority[family(dst.ip)] ? {} : { priority }
}

/** What there can be only one of: entries with the same key replace each other. */
export function keyOf(entry: Entry): string {
  switch (entry.kind) {
    case 'address':
      return `address ${formatCidr(entry.cidr)} dev ${entry.link}`
    case 'route': {
      const { dst, priority } = entry
      return `route ${formatCidr(dst)}${priority === undefined ? '' : ` metric ${priority}`}`
    }
    case 'neighbour':
      return `neighbour ${formatIp(entry.ip)} dev ${entry.link}`
    case 'fdb':
      return `fdb ${entry.mac} dev ${entry.link}`
  }
}

/** What entries with the same key can differ in; empty for nothing. */
export function valueOf(entry: Entry): string {
  switch (entry.kind) {
    case 'address':
      return ''
    case 'route': {
      const { type, gateway, link, onlink, hops = 1 } = entry
      const way = gateway === undefined ? '' : ` via ${formatIp(gateway)}`
      const out = link === undefined ? '' : ` dev ${link}`
      const more = hops === 1 ? '' : ` and ${hops - 1} more`
      return `${type}${way}${out}${onlink ? ' onlink' : ''}${more}`
    }
    case 'neighbour':
      return `lladdr ${entry.mac}`
    case 'fdb':
      return `dst ${formatIp(entry.dst)}`
  }
}

/** Both, as a person reads them. */
export function describeEntry(entry: Entry): string {
  const value = valueOf(entry).replace(/^unicast ?/, '')
  return value === '' ? keyOf(entry) : `${keyOf(entry)} ${value}`
}
