/** Which MACs the devices of a backend have: those that the other nodes know, wherever possible. */
import type { LeaseAttributes } from '../../lib/flannel/lease.ts'
import { macFromBytes } from '../../lib/ip/mac.ts'
import { randomBytes } from '../../lib/linux/libc.ts'
import { type Link, linkByName } from '../../lib/net/link.ts'
import { vxlanDefaultPort } from '../../lib/net/vxlan.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { isCompatible } from '../state/device.ts'
import type { Backend, DevicePlan, Macs, Site } from './backend.ts'

/**
 * The MACs of devices that are there, which packets on their way have; else those that the node told
 * its peers before, which `stored` is asked for only then; else random ones. Rejects as `stored` and
 * netlink do.
 */
export async function chooseMacs(
  backend: Backend,
  site: Site,
  connection: Connection,
  stored: () => Promise<LeaseAttributes | undefined>,
): Promise<Macs> {
  const plans = backend.devices(site)
  const parent = linkByName(connection, site.underlay.name)
  const found = plans.map((plan) => [plan.family, macOfDevice(connection, plan, parent)] as const)
  if (found.every(([, mac]) => mac !== undefined)) return Object.fromEntries(found)
  const attributes = await stored()
  const before: Macs = attributes === undefined ? {} : backend.macs(attributes)
  return Object.fromEntries(found.map(([of, mac]) => [of, mac ?? before[of] ?? randomMac()]))
}

function macOfDevice(
  connection: Connection,
  plan: DevicePlan,
  parent: Link | undefined,
): string | undefined {
  const link = linkByName(connection, plan.name)
  if (link === undefined || parent === undefined) return undefined
  const ground = { parentIndex: parent.index, defaultPort: vxlanDefaultPort() }
  return isCompatible(plan, link, ground) ? link.mac : undefined
}

/** One of those that anybody may choose, of a single host (IEEE 802, section 8.2). */
function randomMac(): string {
  const bytes = randomBytes(6)
  bytes[0] = ((bytes[0] ?? 0) & 0xfe) | 0x02
  return macFromBytes(bytes)
}
