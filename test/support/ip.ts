/** What the kernel says, read by iproute2: the second opinion of kernel tests. */
import type { Namespace } from '../../scripts/lab/node.ts'
import { inside, run, runSync } from '../../scripts/lab/run.ts'

/** One interface as `ip -d -j link show` prints it. */
export interface Link {
  readonly ifindex: number
  readonly ifname: string
  readonly flags: readonly string[]
  readonly mtu: number
  readonly operstate: string
  readonly address: string
  readonly ifalias?: string
  readonly master?: string
  readonly promiscuity: number
  readonly link_netnsid?: number
  readonly linkinfo?: {
    readonly info_kind?: string
    readonly info_data?: Readonly<Record<string, unknown>>
    readonly info_slave_kind?: string
    readonly info_slave_data?: Readonly<Record<string, unknown>>
  }
}

/** One address as `ip -j address show` prints it. */
export interface Address {
  readonly family: 'inet' | 'inet6'
  readonly local: string
  readonly prefixlen: number
  readonly scope: string
  readonly broadcast?: string
  readonly tentative?: boolean
}

/** One route as `ip -j route show` prints it. */
export interface Route {
  readonly dst: string
  readonly gateway?: string
  readonly dev: string
  readonly protocol?: string
  readonly scope?: string
  readonly metric?: number
  readonly prefsrc?: string
  readonly metrics?: readonly Readonly<Record<string, number>>[]
  readonly flags: readonly string[]
}

/** Runs `ip -j` with these arguments inside the namespace. */
export function ipJson<T>({ name }: Namespace, ...args: string[]): T[] {
  return parse<T>(runSync(['ip', '-n', name, '-d', '-j', ...args]))
}

/** Runs `bridge -j` with these arguments inside the namespace. */
export function bridgeJson<T>({ name }: Namespace, ...args: string[]): T[] {
  return parse<T>(runSync(['bridge', '-n', name, '-d', '-j', ...args]))
}

function parse<T>(stdout: string): T[] {
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as T[]) // iproute2's own format
}

/** Every interface of the namespace. */
export function links(namespace: Namespace): Link[] {
  return ipJson<Link>(namespace, 'link', 'show')
}

/** The interface of this name, or undefined. */
export function link(namespace: Namespace, ifName: string): Link | undefined {
  return links(namespace).find(({ ifname }) => ifname === ifName)
}

/** The ports of a bridge. */
export function ports(namespace: Namespace, bridge: string): Link[] {
  return links(namespace).filter(({ master }) => master === bridge)
}

/** Every address of an interface, or none when there is no such interface. */
export function addresses(namespace: Namespace, ifName: string): Address[] {
  if (link(namespace, ifName) === undefined) return []
  const [shown] = ipJson<{ addr_info: Address[] }>(namespace, 'address', 'show', 'dev', ifName)
  return shown?.addr_info ?? []
}

/** `address/prefix` of every global address of an interface. */
export function globalCidrs(namespace: Namespace, ifName: string): string[] {
  return addresses(namespace, ifName)
    .filter(({ scope }) => scope === 'global')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
}

/** The routes of one family (4 or 6) in a table, the main one if none is named. */
export function routes(namespace: Namespace, family: 4 | 6 = 4, table = 254): Route[] {
  return ipJson<Route>(namespace, `-${family}`, 'route', 'show', 'table', `${table}`)
}

/** Whether an address answers a ping from the namespace within 3 seconds. */
export async function reaches({ netns }: Namespace, address: string): Promise<boolean> {
  const { code } = await run(inside(netns, ['ping', '-n', '-c', '1', '-w', '3', address]))
  return code === 0
}
