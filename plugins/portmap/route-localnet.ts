import { hasCode } from '../../lib/base/errors.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import type { Ip } from '../../lib/ip/ip.ts'
import { interfaceSysctl, writeSysctl } from '../../lib/linux/sysctl.ts'
import { linkByIndex } from '../../lib/net/link.ts'
import { routeGet } from '../../lib/net/route.ts'
import { Connection } from '../../lib/netlink/connection.ts'

/**
 * Lets packets from 127.0.0.1 leave by the interface that leads to the container: they would be
 * dropped as martians there. Does nothing when no interface leads to it.
 */
export function routeLocalnet(container: Ip): void {
  const ifName = interfaceTo(container)
  if (ifName === undefined) return
  withPrefix('unable to enable route_localnet: ', () =>
    writeSysctl(interfaceSysctl('ipv4', ifName, 'route_localnet'), '1'),
  )
}

function interfaceTo(ip: Ip): string | undefined {
  using connection = Connection.open()
  try {
    const { linkIndex } = routeGet(connection, ip)
    return linkIndex === undefined ? undefined : linkByIndex(connection, linkIndex)?.name
  } catch (error) {
    if (hasCode(error, 'ENETUNREACH', 'EHOSTUNREACH', 'EINVAL', 'EACCES')) return undefined
    throw error
  }
}
