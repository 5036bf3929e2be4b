/** All that a plugin could have changed, to be compared. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Namespace } from '../../scripts/lab/node.ts'
import { ipJson } from './ip.ts'

/** The files and folders below `folder` by their paths: texts, `-> target`, or `folder`. */
export function filesBelow(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {}
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(paths.map((path) => [path, contentOf(join(folder, path))]))
}

function contentOf(path: string): string {
  const stat = lstatSync(path)
  if (stat.isSymbolicLink()) return `-> ${readlinkSync(path)}`
  return stat.isDirectory() ? 'folder' : readFileSync(path, 'utf8')
}

interface Shown {
  readonly ifname: string
  readonly flags: readonly string[]
  readonly mtu: number
  readonly master?: string
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[]
}

/** What the kernel does by itself, a moment after an interface gets its carrier. */
const carrierFlags = ['NO-CARRIER', 'LOWER_UP']
const ownAddresses = /^(?:fe80|ff00)::/

/** Every interface of a namespace with its settings and addresses, less what comes by itself. */
export function interfaces(namespace: Namespace): { readonly ifname: string }[] {
  return ipJson<Shown>(namespace, 'address', 'show').map(
    ({ ifname, flags, mtu, master, addr_info: shown }) => ({
      ...{ ifname, mtu, master },
      flags: flags.filter((flag) => !carrierFlags.includes(flag)),
      addresses: shown
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
        .filter((address) => !ownAddresses.test(address)),
    }),
  )
}

/** Every route of a namespace, less those that come by themselves. */
export function allRoutes(namespace: Namespace): object[] {
  return ([4, 6] as const)
    .flatMap((family) =>
      ipJson<{ dst: string }>(namespace, `-${family}`, 'route', 'show', 'table', 'all'),
    )
    .filter(({ dst }) => !ownAddresses.test(dst))
    .map((route) => ({ ...route, flags: [] }))
}
