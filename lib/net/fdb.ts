/** Entries of a vxlan device's forwarding database: the verbs of bridge-fdb(8), for `self`. */
import { formatIp, type Ip } from '../ip/ip.ts'
import { AF_BRIDGE } from '../netlink/address-family.ts'
import type { Connection, Request } from '../netlink/connection.ts'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_REPLACE } from '../netlink/message.ts'
import {
  neighbourMessage,
  type NeighbourMessage,
  NTF_SELF,
  NUD_NOARP,
  NUD_PERMANENT,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from '../netlink/neighbour.ts'
import { indexName } from './link.ts'

/** To which host a vxlan device sends what is for a MAC. */
export interface FdbEntry {
  readonly linkIndex: number
  readonly mac: string
  /** Of the other end of the tunnel, the VTEP. */
  readonly dst: Ip
}

/** An entry as the kernel has it. */
export interface KnownFdbEntry extends FdbEntry {
  /** It was not learned, and does not grow old. */
  readonly permanent: boolean
}

/** Has the device have the entry, permanently, in place of what it has of the MAC. */
export function fdbReplace({ linkIndex, mac, dst }: FdbEntry): Request {
  return {
    operation: `fdb replace ${mac} dev ${indexName(linkIndex)} dst ${formatIp(dst)} self`,
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    payload: neighbourMessage.encode({
      family: AF_BRIDGE,
      index: linkIndex,
      state: NUD_PERMANENT | NUD_NOARP,
      flags: NTF_SELF,
      dst,
      mac,
    }),
  }
}

/** The kernel answers ENOENT when the device does not have it. */
export function fdbDelete({ linkIndex, mac, dst }: FdbEntry): Request {
  return {
    operation: `fdb delete ${mac} dev ${indexName(linkIndex)} dst ${formatIp(dst)} self`,
    type: RTM_DELNEIGH,
    payload: neighbourMessage.encode({
      family: AF_BRIDGE,
      index: linkIndex,
      flags: NTF_SELF,
      dst,
      mac,
    }),
  }
}

/** The entries of a vxlan device that lead to a host. */
export function fdbList(connection: Connection, linkIndex: number): KnownFdbEntry[] {
  const messages = connection.execute({
    operation: `fdb show dev ${indexName(linkIndex)} self`,
    type: RTM_GETNEIGH,
    flags: NLM_F_DUMP,
    payload: neighbourMessage.encode({ family: AF_BRIDGE, index: linkIndex }),
  })
  return messages
    .flatMap(({ payload }) => decodeFdbEntry(neighbourMessage.decode(payload)) ?? [])
    .filter((entry) => entry.linkIndex === linkIndex)
}

/** The entry of a message; undefined when it leads to no host. */
export function decodeFdbEntry(message: NeighbourMessage): KnownFdbEntry | undefined {
  const { dst, mac, index, state } = message
  if (dst === undefined || mac === undefined) return undefined
  return { linkIndex: index, mac, dst, permanent: (state & NUD_PERMANENT) !== 0 }
}
