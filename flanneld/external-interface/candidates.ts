/** The ways to find the external interface, each of which may find none. */
import { family, type Family, formatIp, type Ip, sameIp } from '../../lib/ip/ip.ts'
import { usableIps } from './address-order.ts'
import type { Observation, ObservedLink } from './observation.ts'

export interface Search {
  readonly observed: Observation
  /** Those of the network, IPv4 first. */
  readonly families: readonly Family[]
  readonly publicIps: Readonly<Partial<Record<Family, Ip>>>
}

export interface Candidate {
  readonly link: ObservedLink
  /** Of families whose address is given by the way in which it was found. */
  readonly ips: readonly Ip[]
}

/** Why none was found. */
export class NoCandidate extends Error {
  override readonly name = 'NoCandidate'
}

/** The interface of a name. Throws a `NoCandidate`, as all of these. */
export function byName({ observed }: Search, name: string): Candidate {
  const link = observed.links.find((each) => each.name === name)
  if (link === undefined) throw new NoCandidate('there is no such interface')
  return { link, ips: [] }
}

/**
 * The interface that has an address, which it then goes by; and the public IPv6 address too, when the
 * network has both families.
 */
export function byAddress({ observed, families, publicIps }: Search, ip: Ip): Candidate {
  if (!families.includes(family(ip))) {
    throw new NoCandidate(`the network has no IPv${family(ip)}`)
  }
  const link = observed.links.find((each) => holds(each, ip))
  if (link === undefined) throw new NoCandidate('no interface has this address')
  const ipv6 = families.length === 2 ? publicIps[6] : undefined
  if (ipv6 === undefined || sameIp(ipv6, ip)) return { link, ips: [ip] }
  if (holds(link, ipv6)) return { link, ips: family(ip) === 6 ? [ip] : [ip, ipv6] }
  throw new NoCandidate(`${link.name} has it, but not ${formatIp(ipv6)} of --public-ipv6`)
}

/**
 * Devices of flannel's own: the agent makes them on the interface that is looked for, and so they
 * cannot be it. A pattern such as `.*` or `^10\.` would match them once the agent is started again.
 */
const ownDevices = /^(?:flannel(?:\.|-v6\.|-wg)|flannel\d+$|cni0$)/

/**
 * The first interface with an address of each family that matches, which it then goes by; else the
 * first whose name does. Those of flannel's own are found by their name alone (`byName`).
 */
export function byPattern({ observed, families }: Search, pattern: RegExp): Candidate {
  const links = observed.links.filter(({ name }) => !ownDevices.test(name))
  for (const link of links) {
    const ips = families.flatMap((of) => {
      return usableIps(link.addresses, of).find((ip) => pattern.test(formatIp(ip))) ?? []
    })
    if (ips.length === families.length) return { link, ips }
  }
  const named = links.filter(({ name }) => pattern.test(name))
  const link = named.find(({ addresses }) => hasAll(addresses, families))
  if (link !== undefined) return { link, ips: [] }
  const kinds = families.map((of) => `IPv${of}`).join(' and ')
  throw new NoCandidate(
    named.length === 0
      ? 'no address and no name matches'
      : `no address matches, and of ${named.map(({ name }) => name).join(', ')} none has ${kinds}`,
  )
}

/** The interface that leads to the destination, with the source address of that way. */
export function byReach({ observed }: Search): Candidate {
  const { reach, links } = observed
  if (reach === undefined) throw new NoCandidate('no route leads there')
  const { source } = reach
  // The way to an address of this node itself leads over lo.
  const holder = source && links.find((link) => holds(link, source))
  const link = holder ?? links.find(({ index }) => index === reach.linkIndex)
  if (link === undefined) throw new NoCandidate('the interface that leads there is gone')
  return { link, ips: source === undefined ? [] : [source] }
}

/**
 * The interface of the default route. Of several the one with the lowest metric: the kernel sends
 * packets that way, while the order in which it lists routes says nothing. All families must go by
 * one interface.
 */
export function byDefaultRoute({ observed, families }: Search): Candidate {
  const found = families.map((of) => defaultLink(observed, of))
  const [link, other] = found
  if (link === undefined) throw new NoCandidate('the network has no family')
  if (other !== undefined && other !== link) {
    throw new NoCandidate(`that of IPv4 leads over ${link.name}, that of IPv6 over ${other.name}`)
  }
  return { link, ips: [] }
}

function defaultLink({ links, defaultRoutes }: Observation, of: Family): ObservedLink {
  const [best] = defaultRoutes
    .filter((route) => route.family === of)
    .sort((a, b) => a.metric - b.metric)
  const link = best && links.find(({ index }) => index === best.linkIndex)
  if (link === undefined) throw new NoCandidate(`there is no default route of IPv${of}`)
  return link
}

function holds({ addresses }: ObservedLink, ip: Ip): boolean {
  return addresses.some(({ cidr }) => sameIp(cidr.ip, ip))
}

function hasAll(addresses: ObservedLink['addresses'], families: readonly Family[]): boolean {
  return families.every((of) => usableIps(addresses, of).length > 0)
}
