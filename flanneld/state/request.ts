/** Netlink requests that have a step done. */
import { family } from '../../lib/ip/ip.ts'
import { addressAddition, addressDeletion } from '../../lib/net/address.ts'
import { fdbDelete, fdbReplace } from '../../lib/net/fdb.ts'
import { neighbourDelete, neighbourReplace } from '../../lib/net/neighbour.ts'
import { type NewRoute, routeDelete, routeReplace } from '../../lib/net/route.ts'
import type { Request } from '../../lib/netlink/connection.ts'
import type { NetlinkError } from '../../lib/netlink/error.ts'
import type { RouteEntry } from './entry.ts'
import type { Step } from './plan.ts'

/**
 * The request for a step; undefined when the link that it is about is not there, and for a route of
 * a kind that is none of the agent's. `indexOf` gives the index of a link by its name.
 */
export function requestFor(
  { do: verb, entry }: Step,
  indexOf: (link: string) => number | undefined,
): Request | undefined {
  const linkIndex = entry.link === undefined ? undefined : indexOf(entry.link)
  if (entry.kind === 'route') {
    if (entry.link !== undefined && linkIndex === undefined) return undefined
    const route = newRoute(entry, linkIndex)
    if (route === undefined) return undefined
    if (verb === 'set') return routeReplace(route)
    // of a route with several ways, the kernel would remove the first way only
    const isOneOf = entry.hops !== undefined
    return routeDelete(isOneOf ? { ...route, gateway: undefined, linkIndex: undefined } : route)
  }
  if (linkIndex === undefined) return undefined
  if (entry.kind === 'address') {
    const { cidr } = entry
    if (verb === 'remove') return addressDeletion(linkIndex, cidr)
    // nobody else has it: looking for others would keep it from being used for a second
    return addressAddition(linkIndex, { cidr, nodad: family(cidr.ip) === 6 })
  }
  if (entry.kind === 'neighbour') {
    const neighbour = { ...entry, linkIndex }
    return verb === 'set' ? neighbourReplace(neighbour) : neighbourDelete(neighbour)
  }
  const fdbEntry = { ...entry, linkIndex }
  return verb === 'set' ? fdbReplace(fdbEntry) : fdbDelete(fdbEntry)
}

function newRoute(entry: RouteEntry, linkIndex?: number): NewRoute | undefined {
  const { type, dst, gateway, onlink, priority, protocol } = entry
  if (type === 'other') return undefined
  return { kind: type, dst, gateway, linkIndex, onlink, priority, protocol }
}

/** Whether the kernel refused a step because what it is to bring about is so already. */
export function isDone({ do: verb }: Step, { code }: NetlinkError): boolean {
  if (verb === 'set') return code === 'EEXIST'
  return ['ENOENT', 'ESRCH', 'EADDRNOTAVAIL', 'ENODEV'].includes(code)
}
