/** Permanent neighbours: the verbs of ip-neighbour(8). */
import { family, type Family, formatIp, type Ip } from '../ip/ip.ts'
import { addressFamily } from '../netlink/address-family.ts'
import type { Connection, Request } from '../netlink/connection.ts'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from '../netlink/message.ts'
import {
  neighbourMessage,
  type NeighbourMessage,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/neighbour.ts'
import { indexName } from './link.ts'

/** Which MAC an address on a link has. */
export interface Neighbour {
  readonly linkIndex: number
  readonly ip: Ip
  readonly mac: string
}

/** A neighbour as the kernel has it. */
export interface KnownNeighbour extends Neighbour {
  /** Nobody asks for it, and it does not grow old. */
  readonly permanent: boolean
}

/** Has the kernel have the neighbour, permanently, in place of what it has of the address. */
export function neighbourReplace({ linkIndex, ip, mac }: Neighbour): Request {
  return {
    operation: `neighbour replace ${formatIp(ip)} lladdr ${mac} dev ${indexName(linkIndex)}`,
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    payload: neighbourMessage.encode({
      family: addressFamily(family(ip)),
      index: linkIndex,
      state: NUD_PERMANENT,
      dst: ip,
      mac,
    }),
  }
}

/** The kernel answers ENOENT when it has none. */
export function neighbourDelete({ linkIndex, ip }: Pick<Neighbour, 'linkIndex' | 'ip'>): Request {
  return {
    operation: `neighbour delete ${formatIp(ip)} dev ${indexName(linkIndex)}`,
    type: RTM_DELNEIGH,
    payload: neighbourMessage.encode({
      family: addressFamily(family(ip)),
      index: linkIndex,
      dst: ip,
    }),
  }
}

/** The neighbours on a link of which a MAC is known. */
export function neighbourList(
  connection: Connection,
  { linkIndex, family: of }: { linkIndex: number; family: Family },
): KnownNeighbour[] {
  const messages = connection.execute({
    operation: `neighbour show dev ${indexName(linkIndex)}`,
    type: RTM_GETNEIGH,
    flags: NLM_F_DUMP,
    payload: neighbourMessage.encode({ family: addressFamily(of), ofIndex: linkIndex }),
  })
  return messages
    .flatMap(({ payload }) => decodeNeighbour(neighbourMessage.decode(payload)) ?? [])
    .filter((neighbour) => neighbour.linkIndex === linkIndex)
}

/** The neighbour of a message; undefined when its MAC is not known. */
export function decodeNeighbour(message: NeighbourMessage): KnownNeighbour | undefined {
  const { dst, mac, index, state } = message
  if (dst === undefined || mac === undefined) return undefined
  return { linkIndex: index, ip: dst, mac, permanent: (state & NUD_PERMANENT) !== 0 }
}
