/** Tracked connections: the verbs of conntrack(8). */
import { hasCode } from '../base/errors.ts'
import { type Family, type Ip, sameIp } from '../ip/ip.ts'
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

/** Which connections are meant, by the first packet of each. */
export interface ConntrackFilter {
  readonly family: Family
  /** The number of the protocol above IP: 17 is UDP, 132 SCTP. */
  readonly protocol: number
  /** Where the first packet was sent to: any of these. */
  readonly destinations: readonly Destination[]
  /** Who answers, behind any translation of the destination; absent for anybody. */
  readonly replySource?: Ip | undefined
}

interface Destination {
  readonly port: number
  /** Absent for every address. */
  readonly ip?: Ip | undefined
}

type Entry = ReturnType<typeof conntrackMessage.decode>

/**
 * Deletes tracked connections, so that their next packet is judged by the rules as they are then,
 * and returns how many there were. Throws a `NetlinkError`. The kernel goes through its whole
 * table, for milliseconds, once for all destinations.
 */
export function conntrackDelete(connection: Connection, filter: ConntrackFilter): number {
  const found = list(connection, filter).filter((entry) => matches(filter, entry))
  for (const { family, original, id, zone } of found) {
    remove(connection, conntrackMessage.encode({ family, original, id, zone }))
  }
  return found.length
}

/** The connections of the protocol, and of the port when there is only one. */
function list(connection: Connection, { family, protocol, destinations }: ConntrackFilter) {
  const ports = new Set(destinations.map(({ port }) => port))
  const [port] = ports.size === 1 ? ports : []
  const byPort = port === undefined ? 0 : CTA_FILTER_F_CTA_PROTO_DST_PORT
  const tuple = { protocol: { number: protocol, destinationPort: port } }
  const messages = connection.execute({
    operation: `conntrack dump protocol ${protocol} destination port ${[...ports].join(', ')}`,
    type: CT_GET,
    flags: NLM_F_DUMP,
    payload: conntrackMessage.encode({
      family: addressFamily(family),
      original: conntrackTuple.encode(tuple),
      filter: { originalFields: CTA_FILTER_F_CTA_PROTO_NUM | byPort },
    }),
  })
  return messages.map(({ payload }) => conntrackMessage.decode(payload))
}

/** Kernels before 5.8 list connections of every protocol and port. */
function matches({ family, protocol, destinations, replySource }: ConntrackFilter, entry: Entry) {
  if (entry.family !== addressFamily(family)) return false
  const first = conntrackTuple.decode(entry.original ?? new Uint8Array())
  if (first.protocol?.number !== protocol) return false
  const destination = first.addresses?.destination4 ?? first.addresses?.destination6
  const isMeant = destinations.some(
    ({ port, ip }) => port === first.protocol?.destinationPort && isWanted(ip, destination),
  )
  if (!isMeant) return false
  const { addresses } = conntrackTuple.decode(entry.reply ?? new Uint8Array())
  return isWanted(replySource, addresses?.source4 ?? addresses?.source6)
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
