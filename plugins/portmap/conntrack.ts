/**
 * Connections without an end of their own, UDP's and SCTP's, go on as they were first tracked:
 * past a port that was opened since, or to a container that is gone.
 */
import { errorText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import type { Family, Ip } from '../../lib/ip/ip.ts'
import { conntrackDelete } from '../../lib/net/conntrack.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { NETLINK_NETFILTER } from '../../lib/netlink/netfilter.ts'
import { formatHostPort, ofFamily, type PortMapping } from './mapping.ts'

/** Protocol numbers (netinet/in.h) of the protocols whose connections are to be forgotten. */
const numbers = { udp: 17, sctp: 132 } as const

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
  const wanted = ofFamily(mappings, family)
  try {
    for (const [name, protocol] of Object.entries(numbers)) {
      const ports = wanted.filter((mapping) => mapping.protocol === name)
      if (ports.length === 0) continue
      const destinations = ports.map(({ hostPort, hostIp }) => ({ port: hostPort, ip: hostIp }))
      using connection = Connection.open(NETLINK_NETFILTER)
      const filter = { family, protocol, destinations, replySource: container }
      const count = conntrackDelete(connection, filter)
      log.debug(`forgot ${count} ${name} connections to ${ports.map(formatHostPort).join(', ')}`)
    }
  } catch (error) {
    log.warn(`failed to delete stale connections to host ports: ${errorText(error)}`)
  }
}
