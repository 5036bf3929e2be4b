/** The links of the networks: bridges, and the host's ends of veth pairs. */
import { hasCode } from '../../lib/base/errors.ts'
import { type Link, linkByName, linkDelete } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import type { NodeAttachment } from '../node/attachments.ts'
import type { FlannelNetwork } from './flannel-networks.ts'
import type { Removal } from './removal.ts'

/** Ports first, so that no frame passes while the bridge goes. */
export function planLinks(
  networks: readonly FlannelNetwork[],
  attachments: readonly NodeAttachment[],
  links: readonly Link[],
): Removal[] {
  const ports = attachments.flatMap(({ port, network, containerId, ifName }) =>
    port === undefined ? [] : [planLink(port, `of ${network}/${containerId}/${ifName}`)],
  )
  const bridges = bridgesOf(networks, links)
  const gateways = bridges.flatMap((bridge) => vlanGateways(bridge, links))
  return [
    ...ports,
    ...gateways.map((link) => planLink(link, 'a gateway in a VLAN')),
    ...bridges.map((link) => planLink(link, 'a bridge')),
  ]
}

/** The ports of the networks' bridges that belong to nobody we know. */
export function unknownPorts(
  networks: readonly FlannelNetwork[],
  attachments: readonly NodeAttachment[],
  links: readonly Link[],
): Link[] {
  const known = new Set(attachments.map(({ port }) => port?.index))
  return bridgesOf(networks, links).flatMap((bridge) => {
    const gateways = vlanGateways(bridge, links)
    return links.filter(
      ({ master, index }) =>
        master === bridge.index &&
        !known.has(index) &&
        !gateways.some(({ peer }) => peer === index),
    )
  })
}

function bridgesOf(networks: readonly FlannelNetwork[], links: readonly Link[]): Link[] {
  const names = new Set(networks.map(({ bridge }) => bridge))
  return links.filter(({ name, kind }) => kind === 'bridge' && names.has(name))
}

/** The devices `<bridge>.<vlan>` that are connected to the bridge: veths, the other end a port. */
function vlanGateways({ name, index }: Link, links: readonly Link[]): Link[] {
  return links.filter(
    (link) =>
      link.kind === 'veth' &&
      link.name.startsWith(`${name}.`) &&
      links.some((port) => port.index === link.peer && port.master === index),
  )
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
