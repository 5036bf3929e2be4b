/** Which addresses of a container need the masquerading that one of its interfaces had. */
import type { Attachment } from '../../lib/cni/attachment.ts'
import type { Cidr } from '../../lib/ip/ip.ts'
import { addressList } from '../../lib/net/address.ts'
import { type Link, linkByIndex, linkList } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { hostVethAlias } from './veth-name.ts'

/**
 * The addresses of all interfaces that the owner's container has on its network. Runs in the host's
 * namespace. Go's plugin does not say which network an interface is on: any of its may be meant.
 */
export function addressesSharing(owner: Attachment, sandbox: Connection): Cidr[] {
  const links = linkList(sandbox, { kind: 'veth' })
  if (links.length === 0) return []
  using host = Connection.open()
  return links
    .filter((link) => mayBeOnNetwork(link, owner, host))
    .flatMap(({ index }) => addressList(sandbox, index))
    .map(({ cidr }) => cidr)
}

function mayBeOnNetwork(link: Link, owner: Attachment, host: Connection): boolean {
  const port = link.parent === undefined ? undefined : linkByIndex(host, link.parent)
  if (port?.kind !== 'veth' || port.parent !== link.index) return false
  const { network, containerId } = owner
  return (
    port.alias === undefined ||
    port.alias === hostVethAlias({ network, containerId, ifName: link.name }) ||
    // The container may have given its interface another name.
    port.alias.startsWith(`${network}/${containerId}/`)
  )
}
