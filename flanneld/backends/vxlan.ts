/**
 * vxlan: each node has a VTEP, a vxlan device. A peer's subnet is routed to the first address of
 * that subnet, which has the MAC of the peer's VTEP, which is at the peer's public address.
 */
import { DetailedError } from '../../lib/base/errors.ts'
import { isObject } from '../../lib/base/json.ts'
import type { Lease } from '../../lib/flannel/lease.ts'
import { type Cidr, family, type Family, isInside } from '../../lib/ip/ip.ts'
import { macFromBytes, macToBytes } from '../../lib/ip/mac.ts'
import type { Entry } from '../state/entry.ts'
import type { NodeState } from '../state/node-state.ts'
import type {
  Backend,
  BackendAttributes,
  DevicePlan,
  Macs,
  Node,
  Site,
  Underlay,
} from './backend.ts'
import { directRoute, isDirectRoute } from './direct-route.ts'
import { eachSubnet, publicIpOf } from './peer.ts'
import type { VxlanOptions } from './vxlan-options.ts'

/** What an outer header takes of a packet, in bytes: Ethernet, IP, UDP, VXLAN. */
const overhead: Readonly<Record<Family, number>> = { 4: 50, 6: 70 }

/** The smallest MTU with which the kernel lets a device have addresses, in bytes (RFC 791, 8200). */
const leastMtu: Readonly<Record<Family, number>> = { 4: 68, 6: 1280 }

const names: Readonly<Record<Family, string>> = { 4: 'flannel', 6: 'flannel-v6' }

export function vxlanBackend(options: VxlanOptions): Backend {
  return {
    type: 'vxlan',
    devices: (site) => planDevices(options, site),
    attributes: (macs) => attributes(options, macs),
    macs: (told) => ({ ...macIn(4, told), ...macIn(6, told) }),
    podMtu: (site) => Math.min(...planDevices(options, site).map(({ mtu }) => mtu)),
    nodeState: (node) => nodeState(options, node),
    peerState: (node, peer) =>
      eachSubnet(node, peer, (subnet) => peerEntries(options, node, peer, subnet)),
  }
}

function planDevices(options: VxlanOptions, { underlay, networks }: Site): DevicePlan[] {
  return networks.map(({ ip }) => {
    const of = family(ip)
    const local = underlay.publicIps[of]
    if (local === undefined) throw withoutAddress(underlay.name, of)
    return {
      family: of,
      name: deviceName(options, of),
      mtu: deviceMtu(options, underlay, of),
      vni: options.vni,
      port: options.port,
      local,
      parent: underlay.name,
      learning: options.learning,
      gbp: options.gbp,
    }
  })
}

function deviceMtu(options: VxlanOptions, { name, mtu }: Underlay, of: Family): number {
  const left = Math.min(options.mtu ?? mtu, mtu) - overhead[of]
  if (left >= leastMtu[of]) return left
  const least = leastMtu[of] + overhead[of]
  throw new DetailedError(
    `vxlan on ${name} leaves ${left} bytes for packets of IPv${of}, which needs ${leastMtu[of]}`,
    `have the MTU of ${name}, and Backend.MTU where it is configured, be ${least} or more`,
  )
}

function deviceName({ vni }: VxlanOptions, of: Family): string {
  return `${names[of]}.${vni}`
}

function withoutAddress(name: string, of: Family): DetailedError {
  return new DetailedError(
    `vxlan needs an IPv${of} address of ${name}, which has none`,
    `add one, choose another interface by --iface, or set EnableIPv${of} to false`,
  )
}

function attributes({ vni }: VxlanOptions, macs: Macs): BackendAttributes {
  const data = (of: Family) => macs[of] && { VNI: vni, VtepMAC: macs[of] }
  return { backendType: 'vxlan', backendData: data(4), backendV6Data: data(6) }
}

function nodeState(options: VxlanOptions, node: Node): NodeState {
  const devices = planDevices(options, node).flatMap((plan) => {
    const mac = node.macs[plan.family]
    return mac === undefined ? [] : [{ ...plan, mac }]
  })
  const entries = node.subnets.map(({ ip }): Entry => {
    const cidr = { ip, prefix: ip.bitSize }
    return { kind: 'address', cidr, link: deviceName(options, family(ip)) }
  })
  const own = new Set(devices.map(({ name }) => name))
  return {
    devices,
    underlay: node.underlay.name,
    entries,
    owns: (entry) => owns(options, node, own, entry),
  }
}

/** Everything on the devices, but for addresses that somebody gave them for something else. */
function owns(
  options: VxlanOptions,
  { networks, underlay }: Node,
  devices: ReadonlySet<string>,
  entry: Entry,
): boolean {
  if (entry.link !== undefined && devices.has(entry.link)) {
    return entry.kind !== 'address' || isInside(networks, entry.cidr.ip)
  }
  return options.directRouting && isDirectRoute(entry, networks, underlay)
}

function peerEntries(options: VxlanOptions, node: Node, peer: Lease, subnet: Cidr): Entry[] {
  const of = family(subnet.ip)
  const publicIp = publicIpOf(peer, of)
  if (options.directRouting && isInside(node.underlay.prefixes, publicIp)) {
    return [directRoute(subnet, publicIp, node.underlay)]
  }
  const link = deviceName(options, of)
  const mac = readVtepMac(peer, of)
  return [
    { kind: 'fdb', mac, dst: publicIp, link },
    { kind: 'neighbour', ip: subnet.ip, mac, link },
    { kind: 'route', type: 'unicast', dst: subnet, gateway: subnet.ip, link, onlink: true },
  ]
}

/** The MAC of the peer's VTEP. Nodes of old versions tell nothing else. */
function readVtepMac({ attributes }: Lease, of: Family): string {
  const mac = macIn(of, attributes)[of]
  if (mac !== undefined) return mac
  const { key, data } = dataOf(of, attributes)
  throw new DetailedError(
    `${key} has no VtepMAC: ${JSON.stringify(data)}`,
    'expected such as {"VNI":1,"VtepMAC":"5a:1c:17:98:e6:eb"}',
  )
}

function macIn(of: Family, told: BackendAttributes): Macs {
  const { data } = dataOf(of, told)
  const mac = isObject(data) ? data['VtepMAC'] : undefined
  const bytes = typeof mac === 'string' ? toBytes(mac) : undefined
  return bytes !== undefined && isHost(bytes) ? { [of]: macFromBytes(bytes) } : {}
}

/** For the MAC of no host, a VTEP would send each unknown one's packets to the peer. */
function isHost(mac: Uint8Array): boolean {
  const [first = 0] = mac
  return mac.length === 6 && (first & 1) === 0 && mac.some((byte) => byte !== 0)
}

function dataOf(of: Family, { backendData, backendV6Data }: BackendAttributes) {
  return of === 4
    ? { key: 'BackendData', data: backendData }
    : { key: 'BackendV6Data', data: backendV6Data }
}

function toBytes(mac: string): Uint8Array | undefined {
  try {
    return macToBytes(mac)
  } catch {
    return undefined // told by the caller, with all there is
  }
}
