/** Where the node is: its external interface, as backends see it, now and when it changes. */
import { type Cidr, family, formatCidr, formatIp, type Ip, sameIp } from '../lib/ip/ip.ts'
import type { Connection } from '../lib/netlink/connection.ts'
import type { Site } from './backends/backend.ts'
import { chooseExternalInterface } from './external-interface/choose.ts'
import type { ExternalInterface } from './external-interface/external-interface.ts'
import { observe } from './external-interface/observe.ts'
import { readDestination } from './external-interface/wishes.ts'
import type { AgentLog } from './log.ts'
import type { NetworkConf } from './network-conf.ts'
import type { Options } from './options.ts'

export interface Surroundings {
  readonly connection: Connection
  readonly options: Options
  readonly log: AgentLog
}

/** A site, and the interface that it is seen from. */
export interface Place {
  readonly external: ExternalInterface
  readonly site: Site
}

/** Chooses the external interface. Throws a `DetailedError` when there is none. */
export function findPlace(surroundings: Surroundings, conf: NetworkConf): Place {
  const { connection, options, log } = surroundings
  const families = conf.families.map((each) => each.family)
  const destination = readDestination(options['iface-can-reach'], families)
  const observed = observe(connection, destination)
  const external = chooseExternalInterface(observed, families, options, log)
  return { external, site: siteAt(surroundings, external, networksOf(conf)) }
}

/**
 * The same interface as it is now: with its own addresses as long as it has them, then with others.
 * Throws a `DetailedError` when it has none any more.
 */
export function lookAgain(surroundings: Surroundings, { external, site }: Place): Place {
  const { connection, options, log } = surroundings
  const observed = observe(connection)
  const link = observed.links.find(({ index }) => index === external.linkIndex)
  const own = [external.ipv4, external.ipv6].filter((ip) => ip !== undefined)
  const hasAll = own.every((ip) => link?.addresses.some(({ cidr }) => sameIp(cidr.ip, ip)))
  const now =
    link !== undefined && hasAll
      ? { ...external, name: link.name, mtu: link.mtu }
      : chooseExternalInterface(
          observed,
          site.networks.map(({ ip }) => family(ip)),
          { ...options, iface: [external.name], 'iface-regex': [], 'iface-can-reach': '' },
          log,
        )
  return { external: now, site: siteAt(surroundings, now, site.networks) }
}

function siteAt(
  { connection }: Surroundings,
  external: ExternalInterface,
  networks: readonly Cidr[],
): Site {
  const { linkIndex, name, mtu, publicIpv4, publicIpv6 } = external
  const link = observe(connection).links.find(({ index }) => index === linkIndex)
  const publicIps = { ...(publicIpv4 && { 4: publicIpv4 }), ...(publicIpv6 && { 6: publicIpv6 }) }
  const prefixes = (link?.addresses ?? []).map(({ cidr }) => cidr)
  return { underlay: { name, mtu, prefixes, publicIps }, networks }
}

function networksOf({ families }: NetworkConf): Cidr[] {
  return families.map(({ network }) => network)
}

/** What of a site can change, as a text: the same text for the same site. */
export function describeSite({ underlay: { name, mtu, prefixes, publicIps } }: Site): string {
  const ips = Object.values(publicIps)
    .filter((ip): ip is Ip => ip !== undefined)
    .map(formatIp)
  const networks = prefixes.map(formatCidr).sort()
  return `${name} with MTU ${mtu}, addresses ${networks.join(', ')}, known as ${ips.join(', ')}`
}
