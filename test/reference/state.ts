/** What was seen of a namespace as a tree, without what changes by itself. */
import type { Address } from '../support/ip.ts'
import { iptablesState, nftState } from './firewall.ts'
import { isLinkLocal, type Look, type ShownLink, type ShownRoute } from './look.ts'
import { type Branch, toTree, type Tree } from './tree.ts'

/** Left out of a link: clocks, and numbers that the kernel makes of a MAC, which is compared. */
const derived = new Set([
  ...['hello_timer', 'tcn_timer', 'topology_change_timer', 'gc_timer'],
  ...['hold_timer', 'message_age_timer', 'forward_delay_timer'],
  ...['bridge_id', 'root_id'],
])

/** A namespace: links with all that belongs to each, and the firewall. */
export function stateOf(look: Look): Branch {
  return {
    link: Object.fromEntries(look.links.map((link) => [link.ifname, linkState(link, look)])),
    route: routesOf(look, undefined),
    sysctl: sysctlsOf(look, undefined),
    nft: nftState(look.nft),
    iptables: iptablesState(look.iptables),
    ip6tables: iptablesState(look.ip6tables),
  }
}

function linkState(link: ShownLink, look: Look): Branch {
  const { addr_info, flags, operstate, ...rest } = link
  const shown = Object.fromEntries(flags.map((flag) => [flag, true]))
  // A bridge says up to a second late that its first port came, or that its last one went.
  const late = isBridge(link)
    ? { flags: { ...shown, 'NO-CARRIER': false } }
    : { flags: shown, operstate }
  const port = look.ports.find(({ ifname }) => ifname === link.ifname) ?? {}
  return {
    ...rooted(withoutDerived({ ...rest, ...late })),
    port: rooted(withoutDerived({ ...port, flags: undefined })),
    address: Object.fromEntries(addr_info.map(addressState)),
    route: routesOf(look, link),
    sysctl: sysctlsOf(look, link),
  }
}

function isBridge(link: ShownLink | undefined): boolean {
  return link?.linkinfo?.info_kind === 'bridge'
}

function rooted(value: object): Branch {
  return toTree(value) as Branch // of an object
}

function withoutDerived(value: object): object {
  const kept = Object.entries(value).filter(
    ([key, item]) => !derived.has(key) && item !== undefined,
  )
  return Object.fromEntries(
    kept.map(([key, item]) => [key, isPlain(item) ? withoutDerived(item) : item]),
  )
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function addressState(address: Address): [string, Branch] {
  const { local, prefixlen, tentative, ...rest } = address
  // Duplicate address detection of link-local ones takes its time, and nobody waits for it.
  const state = isLinkLocal(address) ? {} : { tentative: tentative ?? false }
  return [`${local}/${prefixlen}`, rooted({ ...rest, ...state })]
}

/** The routes to a link, or those that name none because they have several ways. */
function routesOf({ routes }: Look, link: ShownLink | undefined): Branch {
  const found: Record<string, Tree> = {}
  for (const route of routes) {
    if (route.dev !== link?.ifname || followsLinkLocal(route)) continue
    const { type, table, dst, gateway = 'link', metric = 0, flags, ...rest } = route
    const family = 'pref' in rest ? 'v6' : 'v4' // which only IPv6 routes have
    const name = [family, table, type, dst, gateway, metric].join()
    const late = isBridge(link) ? {} : { flags }
    found[name in found ? `${name},again` : name] = rooted({ ...rest, ...late })
  }
  return found
}

/** The kernel's own route to a link-local address, which waits for duplicate address detection. */
function followsLinkLocal({ type, dst }: ShownRoute): boolean {
  return type === 'local' && dst.startsWith('fe80:')
}

/** The parameters of a link, or those that belong to none. */
function sysctlsOf({ sysctls }: Look, link: ShownLink | undefined): Branch {
  const found: Record<string, Tree> = {}
  for (const [path, value] of Object.entries(sysctls)) {
    const [family, , name, parameter] = path.split('/')
    const owner = parameter === undefined || name === 'all' || name === 'default' ? undefined : name
    if (owner !== link?.ifname) continue
    found[owner === undefined ? path : `${family}/${parameter}`] = value
  }
  return found
}
