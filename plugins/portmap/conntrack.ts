/**
 * Connections without an end of their own, UDP's and SCTP's, go on as they were first tracked:
 * past a port that was opened since, or to a container that is gone.
 */
import { errorText } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import { conntrackDelete } from '../../lib/net/conntrack.ts'
import type { Family, Ip } from '../../lib/net/ip.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { NETLINK_NETFILTER } from '../../lib/netlink/netfilter.ts'
import { ofFamily, type PortMapping, type Protocol } from './mapping.ts'

/** Protocol numbers (netinet/in.h) of the protocols whose connections are to be forgotten. */
const numbers: Readonly<Partial<Record<Protocol, number>>> = { udp: 17, sctp: 132 }

/**
 * Makes the kernel forget the connections to host ports; of those that `container` answers, when
 * it is given. A failure is logged: the rules are right, and what is stale expires by itself.
 */
export function forgetConnections(
  family: Family,
  mappings: readonly PortMapping[],
  container: Ip | undefined,
  log: Log,
): void {
  const stale = ofFamily(mappings, family).flatMap(({ protocol, hostPort, hostIp }) => {
    const number = numbers[protocol]
    return number === undefined ? [] : [{ protocol: number, hostPort, hostIp }]
  })
  if (stale.length === 0) return
  try {
    using connection = Connection.open(NETLINK_NETFILTER)
    for (const { protocol, hostPort: destinationPort, hostIp: destination } of stale) {
      const filter = { family, protocol, destinationPort, destination, replySource: container }
      const count = conntrackDelete(connection, filter)
      log.debug(`forgot ${count} connections of protocol ${protocol} to port ${destinationPort}`)
    }
  } catch (error) {
    log.warn(`failed to delete stale connections to host ports: ${errorText(error)}`)
  }
}
