/** host-gw: nodes on one network, each the gateway to its pods for all others. */
import { DetailedError } from '../../lib/base/errors.ts'
import { type Cidr, family, formatIp, isInside } from '../../lib/ip/ip.ts'
import type { Entry } from '../state/entry.ts'
import type { Backend, Node } from './backend.ts'
import { directRoute, isDirectRoute } from './direct-route.ts'
import { eachSubnet, publicIpOf } from './peer.ts'
import type { Lease } from '../../lib/flannel/lease.ts'

/** It has no options, and tells the peers nothing but the node's address. */
export const hostGwBackend: Backend = {
  type: 'host-gw',
  devices: () => [],
  attributes: () => ({ backendType: 'host-gw', backendData: undefined, backendV6Data: undefined }),
  macs: () => ({}),
  podMtu: ({ underlay }) => underlay.mtu,
  nodeState: (node) => ({
    devices: [],
    underlay: node.underlay.name,
    entries: [],
    owns: (entry) => isDirectRoute(entry, node.networks, node.underlay),
  }),
  peerState: (node, peer) => eachSubnet(node, peer, (subnet) => peerEntries(node, peer, subnet)),
}

function peerEntries({ underlay }: Node, peer: Lease, subnet: Cidr): Entry[] {
  const publicIp = publicIpOf(peer, family(subnet.ip))
  if (isInside(underlay.prefixes, publicIp)) return [directRoute(subnet, publicIp, underlay)]
  throw new DetailedError(
    `its node ${formatIp(publicIp)} is on no network of ${underlay.name}`,
    'host-gw needs all nodes on one network: use vxlan, with DirectRouting for nodes that share one',
  )
}
