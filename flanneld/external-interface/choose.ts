/** The choice of the external interface: as upstream makes it, from what was observed. */
import { DetailedError, errorText } from '../../lib/base/errors.ts'
import { family, type Family, formatIp, type Ip } from '../../lib/ip/ip.ts'
import type { AgentLog } from '../log.ts'
import { isLinkLocal, usableIps } from './address-order.ts'
import {
  byAddress,
  byDefaultRoute,
  byName,
  byPattern,
  byReach,
  type Candidate,
  NoCandidate,
  type Search,
} from './candidates.ts'
import type { ExternalInterface, InterfaceOptions } from './external-interface.ts'
import type { Observation, ObservedLink } from './observation.ts'
import { readWishes, type Wishes } from './wishes.ts'

/** A way to find an interface, and the words for it. */
interface Attempt {
  readonly what: string
  readonly find: () => Candidate
}

/**
 * Chooses the interface for a network of these families: by the first option that finds one, in the
 * order --iface, --iface-regex, --iface-can-reach; without any, the one with the public address; or
 * else that of the default route. Throws a `DetailedError` for a malformed option, and when there is
 * no such interface: then it lists those that there are.
 */
export function chooseExternalInterface(
  observed: Observation,
  families: readonly Family[],
  options: InterfaceOptions,
  log: Pick<AgentLog, 'info' | 'warn'>,
): ExternalInterface {
  const wishes = readWishes(options, families)
  const { publicIps } = wishes
  const failures: string[] = []
  for (const { what, find } of attempts({ observed, families, publicIps }, wishes)) {
    try {
      const chosen = complete(find(), families)
      return withPublic(chosen, publicIps, log)
    } catch (error) {
      if (!(error instanceof NoCandidate)) throw error
      failures.push(`${what}: ${errorText(error)}`)
      log.warn(`no interface by ${what}: ${errorText(error)}`)
    }
  }
  throw new DetailedError(
    `no interface to reach other nodes was found: ${failures.join('; ')}`,
    `interfaces with addresses: ${describeLinks(observed.links, families)}; ` +
      'name one with --iface=NAME',
  )
}

function attempts(search: Search, wishes: Wishes): Attempt[] {
  const { named, patterns, destination, publicIps } = wishes
  const wished: Attempt[] = [
    ...named.map((each) => {
      if (typeof each === 'string') {
        return { what: `--iface=${each}`, find: () => byName(search, each) }
      }
      return { what: `--iface=${formatIp(each)}`, find: () => byAddress(search, each) }
    }),
    ...patterns.map((pattern) => ({
      what: `--iface-regex=${pattern.source}`,
      find: () => byPattern(search, pattern),
    })),
    ...(destination === undefined
      ? []
      : [{ what: `--iface-can-reach=${formatIp(destination)}`, find: () => byReach(search) }]),
  ]
  if (wished.length > 0) return wished
  const publicIp = publicIps[4] ?? publicIps[6]
  if (publicIp === undefined) {
    return [{ what: 'the default route', find: () => byDefaultRoute(search) }]
  }
  const flag = family(publicIp) === 4 ? 'public-ip' : 'public-ipv6'
  return [{ what: `--${flag}=${formatIp(publicIp)}`, find: () => byAddress(search, publicIp) }]
}

/** The candidate with the first address of each family of which it has no given one. */
function complete({ link, ips }: Candidate, families: readonly Family[]): ExternalInterface {
  if (link.mtu === 0) throw new NoCandidate(`${link.name} has an MTU of 0`)
  const ipOf = (of: Family) => {
    if (!families.includes(of)) return undefined
    const ip = ips.find((each) => family(each) === of) ?? usableIps(link.addresses, of)[0]
    if (ip === undefined) throw new NoCandidate(`${link.name} has no IPv${of} address for others`)
    return ip
  }
  const [ipv4, ipv6] = [ipOf(4), ipOf(6)]
  return {
    linkIndex: link.index,
    name: link.name,
    mtu: link.mtu,
    ...(ipv4 && { ipv4 }),
    ...(ipv6 && { ipv6 }),
  }
}

function withPublic(
  chosen: ExternalInterface,
  publicIps: Wishes['publicIps'],
  log: Pick<AgentLog, 'info'>,
): ExternalInterface {
  const { name, ipv4, ipv6 } = chosen
  for (const ip of [ipv4, ipv6]) {
    if (ip) log.info(`Using interface with name ${name} and address ${formatIp(ip)}`)
  }
  const advertised = (own: Ip | undefined, wished: Ip | undefined) => {
    if (own === undefined) return undefined
    log.info(
      wished === undefined
        ? `Defaulting external address to interface address (${formatIp(own)})`
        : `Using ${formatIp(wished)} as external address`,
    )
    return wished ?? own
  }
  const [publicIpv4, publicIpv6] = [advertised(ipv4, publicIps[4]), advertised(ipv6, publicIps[6])]
  return { ...chosen, ...(publicIpv4 && { publicIpv4 }), ...(publicIpv6 && { publicIpv6 }) }
}

/** Without those of which nothing but link-local addresses is known: the ends of all pods. */
function describeLinks(links: readonly ObservedLink[], families: readonly Family[]): string {
  const described = links.flatMap(({ name, addresses }) => {
    const ips = families.flatMap((of) => usableIps(addresses, of)).filter((ip) => !isLinkLocal(ip))
    return ips.length === 0 ? [] : [`${name} (${ips.map(formatIp).join(', ')})`]
  })
  return described.length === 0 ? 'none' : described.join(', ')
}
