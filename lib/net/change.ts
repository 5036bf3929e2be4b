/** What the kernel tells of links, addresses, routes and neighbours, decoded: `ip monitor`. */
import { addressMessage, RTM_DELADDR, RTM_NEWADDR } from '../netlink/address.ts'
import { RTM_DELLINK, RTM_NEWLINK } from '../netlink/link.ts'
import { linkMessage } from '../netlink/link.ts'
import { AF_BRIDGE } from '../netlink/address-family.ts'
import type { Message } from '../netlink/message.ts'
import {
  neighbourMessage,
  type NeighbourMessage,
  NTF_SELF,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/neighbour.ts'
import { routeMessage, RTM_DELROUTE, RTM_NEWROUTE } from '../netlink/route.ts'
import { type Address, decodeAddress } from './address.ts'
import { decodeLink, type Link } from './link.ts'
import { decodeRoute, isCached, type Route } from './route.ts'

/** `isGone` is for what has been removed. */
export type Change = { readonly isGone: boolean } & (
  | { readonly link: Link }
  | { readonly address: Address; readonly linkIndex: number }
  | { readonly route: Route }
  /** Of a neighbour, with an address but perhaps without a MAC. */
  | { readonly neighbour: NeighbourMessage }
  /** Of a device's own forwarding database. */
  | { readonly fdb: NeighbourMessage }
)

/** The changes that a message tells of; none for what is nothing of these. */
export function decodeChange({ type, payload }: Message): Change[] {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return linkChange(payload, type === RTM_DELLINK)
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const message = addressMessage.decode(payload)
      return decodeAddress({ ...message, payload }).map((address) => {
        return { address, linkIndex: message.index, isGone: type === RTM_DELADDR }
      })
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const message = routeMessage.decode(payload)
      if (isCached(message)) return []
      return decodeRoute(message).map((route) => ({ route, isGone: type === RTM_DELROUTE }))
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return neighbourChange(neighbourMessage.decode(payload), type === RTM_DELNEIGH)
    default:
      return []
  }
}

/** A bridge tells of its ports by messages of the same type, which say nothing of the link. */
function linkChange(payload: Uint8Array, isGone: boolean): Change[] {
  return linkMessage.decode(payload).family === AF_BRIDGE
    ? []
    : [{ link: decodeLink(payload), isGone }]
}

function neighbourChange(message: NeighbourMessage, isGone: boolean): Change[] {
  if (message.family !== AF_BRIDGE) return [{ neighbour: message, isGone }]
  return (message.flags & NTF_SELF) === 0 ? [] : [{ fdb: message, isGone }]
}
