/** The links of the networks: bridges, and the host's ends of veth pairs. */
import { hasCode } from '../../lib/base/errors.ts'
import type { Address } from '../../lib/net/address.ts'
import { type Link, linkByName, linkDelete } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import type { NodeAttachment } from '../node/attachments.ts'
import { footprints } from '../node/plugin-calls.ts'
import type { Network } from './networks.ts'
import type { Removal } from './removal.ts'

/** The bridges of the networks. */
export interface Bridges {
  /** Those that the plugin has made. */
  readonly own: readonly Link[]
  /** Those that were there before. */
  readonly others: readonly Link[]
}

/** The bridges of the networks among the links, of which `addressesOf` gives the addresses. */
export function findBridges(
  networks: readonly Network[],
  links: readonly Link[],
  addressesOf: (link: Link) => readonly Address[],
): Bridges {
  const calls = networks.flatMap((network) => network.calls)
  const found = new Map<Link, boolean>()
  for (const { footprint, conf } of calls) {
    const name = footprint.links?.bridgeName(conf)
    const bridge = links.find((link) => link.kind === 'bridge' && link.name === name)
    if (bridge === undefined || found.has(bridge)) continue
    const ports = links.filter(({ master }) => master === bridge.index)
    const isOwn = footprint.links?.isOwnBridge(bridge, addressesOf(bridge), ports) ?? false
    found.set(bridge, isOwn)
  }
  const { own = [], others = [] } = Object.groupBy(found.keys(), (bridge) =>
    found.get(bridge) === true ? 'own' : 'others',
  )
  return { own, others }
}

/** Ports first, so that no frame passes while the bridge goes. */
export function planLinks(
  { own, others }: Bridges,
  attachments: readonly NodeAttachment[],
  links: readonly Link[],
): Removal[] {
  const ports = attachments.flatMap(({ port, network, containerId, ifName }) =>
    port === undefined ? [] : [planLink(port, `of ${network}/${containerId}/${ifName}`)],
  )
  const gateways = [...own, ...others].flatMap((bridge) => besideBridge(bridge, links))
  return [
    ...ports,
    ...gateways.map((link) => planLink(link, 'a gateway in a VLAN')),
    ...own.map((link) => planLink(link, 'a bridge')),
  ]
}

/** The ports of bridges that go which belong to nobody we know. */
export function unknownPorts(
  { own }: Bridges,
  attachments: readonly NodeAttachment[],
  links: readonly Link[],
): Link[] {
  const known = new Set(attachments.map(({ port }) => port?.index))
  return own.flatMap((bridge) => {
    const gateways = besideBridge(bridge, links)
    return links.filter(
      ({ master, index }) =>
        master === bridge.index &&
        !known.has(index) &&
        !gateways.some(({ parent }) => parent === index),
    )
  })
}

function besideBridge(bridge: Link, links: readonly Link[]): Link[] {
  return footprints.flatMap((footprint) => footprint.links?.besideBridge(bridge, links) ?? [])
}

function planLink({ name, index }: Link, what: string): Removal {
  return { what: `link ${name}, ${what}`, remove: () => deleteLink(name, index) }
}

/** Deletes a link unless it is gone, and its name, or its index, is another's by now. */
function deleteLink(name: string, index: number): void {
  using host = Connection.open()
  if (linkByName(host, name)?.index !== index) return
  try {
    linkDelete(host, index)
  } catch (error) {
    if (!hasCode(error, 'ENODEV')) throw error
  }
}
