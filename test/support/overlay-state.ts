/** What the agent has in the kernel, as iproute2 shows it. */
import type { Namespace } from '../../scripts/lab/node.ts'
import { bridgeJson, globalCidrs, ipJson, link, type Route } from './ip.ts'

/** The device of each family, by the VNI that is the default. */
export const devices = { 4: 'flannel.1', 6: 'flannel-v6.1' } as const

interface Neighbour {
  readonly dst: string
  readonly lladdr?: string
  readonly state: readonly string[]
}

interface FdbEntry {
  readonly mac: string
  readonly dst?: string
  readonly flags: readonly string[]
  readonly state: string
}

/** The permanent neighbours of a device: `address MAC`. */
export function neighbours(node: Namespace, device: string = devices[4]): string[] {
  const all = ['-4', '-6'].flatMap((family) =>
    ipJson<Neighbour>(node, family, 'neighbour', 'show', 'dev', device),
  )
  return all
    .filter(({ state }) => state.includes('PERMANENT'))
    .map(({ dst, lladdr }) => `${dst} ${lladdr}`)
    .sort()
}

/** The permanent FDB entries of a device: `MAC destination`. */
export function fdb(node: Namespace, device: string = devices[4]): string[] {
  return bridgeJson<FdbEntry>(node, 'fdb', 'show', 'dev', device)
    .filter(({ state }) => state === 'permanent')
    .map(({ mac, dst, flags }) => [mac, dst, ...flags].join(' '))
    .sort()
}

/** The routes by a device that the kernel has not made by itself. */
export function routesBy(node: Namespace, device: string): string[] {
  return [4, 6]
    .flatMap((family) => ipJson<Route>(node, `-${family}`, 'route', 'show', 'table', 'main'))
    .filter(({ dev, protocol }) => dev === device && protocol !== 'kernel')
    .map(({ dst, gateway, flags }) => [dst, 'via', gateway, ...flags].join(' '))
    .sort()
}

/** A device with all that is on it; undefined when it is not there. */
export function overlayState(node: Namespace, device: string = devices[4]) {
  const found = link(node, device)
  if (found === undefined) return undefined
  const { mtu, address, flags, linkinfo } = found
  const { id, local, local6, port, learning, link: parent } = linkinfo?.info_data ?? {}
  return {
    ...{ mtu, mac: address, isUp: flags.includes('UP') },
    ...{ id, local: local ?? local6, port, learning, parent },
    addresses: globalCidrs(node, device),
    neighbours: neighbours(node, device),
    fdb: fdb(node, device),
    routes: routesBy(node, device),
  }
}

/** The MAC of a node's device. */
export function macOf(node: Namespace, device: string = devices[4]): string {
  return link(node, device)?.address ?? ''
}
