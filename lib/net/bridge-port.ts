/** Ports of a bridge: the verbs of bridge-link(8). */
import type { Connection } from '../netlink/connection.ts'
import { linkMessage, RTM_NEWLINK } from '../netlink/link.ts'
import { indexName } from './link.ts'

export interface PortChanges {
  /** Whether frames may leave by the port they came from. */
  readonly hairpin?: boolean | undefined
  /** Whether frames may not go to other isolated ports. */
  readonly isolated?: boolean | undefined
}

/** Changes what is given of the port `index` and leaves the rest; throws a `NetlinkError`. */
export function portSet(connection: Connection, index: number, changes: PortChanges): void {
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  connection.execute({
    operation: `link set ${indexName(index)} type bridge_slave ${given.flat().join(' ')}`,
    type: RTM_NEWLINK,
    payload: linkMessage.encode({ index, info: { kind: 'bridge_slave', bridgePort: changes } }),
  })
}
