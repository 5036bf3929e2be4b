/** Tracked connections: the verbs of conntrack(8). */
import { hasCode } from '../cni/errors.ts'
import { addressFamily } from '../netlink/address-family.ts'
import type { Connection } from '../netlink/connection.ts'
import {
  conntrackMessage,
  conntrackTuple,
  CT_DELETE,
  CT_GET,
  CTA_FILTER_F_CTA_PROTO_DST_PORT,
  CTA_FILTER_F_CTA_PROTO_NUM,
} from '../netlink/conntrack.ts'
import { NLM_F_DUMP } from '../netlink/message.ts'
import { sameIp, type Family, type Ip } from './ip.ts'

/** Which connections are meant, by the first packet of each; what is left out is not looked at. */
export interface ConntrackFilter {
  readonly family: Family
  /** The number of the protocol above IP: 17 is UDP, 132 SCTP. */
  readonly protocol: number
  readonly destinationPort: number
  readonly destination?: Ip | undefined
  /** Who answers, behind any translation of the destination. */
  readonly replySource?: Ip | undefined
}

/**
 * Deletes tracked connections, so that their next packet is judged by the rules as they are then,
 * and returns how many there were. Throws a `NetlinkError`.
 */
export function conntrackDelete(connection: Connection, filter: ConntrackFilter): number {
  const { family, protocol, destinationPort } = filter
  const messages = connection.execute({
    operation: `conntrack dump protocol ${protocol} destination port ${destinationPort}`,
    type: CT_GET,
    flags: NLM_F_DUMP,
    payload: conntrackMessage.encode({
      family: addressFamily(family),
      original: conntrackTuple.encode({ protocol: { number: protocol, destinationPort } }),
      filter: { originalFields: CTA_FILTER_F_CTA_PROTO_NUM | CTA_FILTER_F_CTA_PROTO_DST_PORT },
    }),
  })
  const entries = messages.map(({ payload }) => conntrackMessage.decode(payload))
  const found = entries.filter((entry) => matches(filter, entry))
  for (const { family, original, id, zone } of found) {
    remove(connection, conntrackMessage.encode({ family, original, id, zone }))
  }
  return found.length
}

function matches(filter: ConntrackFilter, entry: ReturnType<typeof conntrackMessage.decode>) {
  const original = conntrackTuple.decode(entry.original ?? new Uint8Array())
  const reply = conntrackTuple.decode(entry.reply ?? new Uint8Array())
  const destination = original.addresses?.destination4 ?? original.addresses?.destination6
  const answerer = reply.addresses?.source4 ?? reply.addresses?.source6
  return (
    entry.family === addressFamily(filter.family) &&
    original.protocol?.number === filter.protocol &&
    original.protocol.destinationPort === filter.destinationPort &&
    isWanted(filter.destination, destination) &&
    isWanted(filter.replySource, answerer)
  )
}

function isWanted(wanted: Ip | undefined, found: Ip | undefined): boolean {
  return wanted === undefined || (found !== undefined && sameIp(wanted, found))
}

/** An entry that has expired since it was listed is gone as well. */
function remove(connection: Connection, payload: Uint8Array): void {
  try {
    connection.execute({ operation: 'conntrack delete', type: CT_DELETE, payload })
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}
