/** Attachments of a node for tests. */
import type { NodeAttachment } from '../../../commands/node/attachments.ts'
import type { Reservation } from '../../../commands/node/reservations.ts'
import type { Result } from '../../../lib/cni/result.ts'
import type { KeptAttachment } from '../../../lib/libcni/attachment-cache.ts'
import type { Link } from '../../../lib/net/link.ts'
import { cidr } from '../../support/address.ts'

/** What a bridge answers for a pod with the address 10.244.1.2. */
export const result: Result = {
  interfaces: [
    { name: 'cni0', mac: '0a:00:00:00:00:01' },
    { name: 'veth1', mac: '0a:00:00:00:00:02' },
    { name: 'eth0', mac: '0a:00:00:00:00:03', sandbox: '/run/netns/web' },
  ],
  ips: [{ address: cidr('10.244.1.2/24'), interface: 2 }],
  routes: [],
  dns: {},
}

/** A veth that is up and a port of the bridge with index 2. */
export function vethOf(parts: Partial<Link> = {}): Link {
  return {
    index: 7,
    name: 'veth1',
    mac: '0a:00:00:00:00:02',
    mtu: 1450,
    up: true,
    carrier: true,
    promiscuous: false,
    promiscuity: 1,
    operState: 'up',
    kind: 'veth',
    master: 2,
    ...parts,
  }
}

export function reservationOf(parts: Partial<Reservation> = {}): Reservation {
  const owner = { network: 'cbr0', containerId: 'c1', ifName: 'eth0' }
  return { ...owner, address: '10.244.1.2', netns: '', machine: 'this', since: 2000, ...parts }
}

/** What a runtime keeps. */
export function keptOf(containerId: string, kept: Result | undefined = result) {
  const entry: KeptAttachment = {
    network: 'cbr0',
    containerId,
    ifName: 'eth0',
    netns: '/run/netns/web',
    args: [['K', 'v']],
    capabilityArgs: {},
    keptSince: 1000,
  }
  return { ...entry, result: kept }
}

/** A complete attachment. */
export function attachmentOf(parts: Partial<NodeAttachment> = {}): NodeAttachment {
  return {
    network: 'cbr0',
    containerId: 'c1',
    ifName: 'eth0',
    netns: '/run/netns/web',
    args: [],
    capabilityArgs: {},
    result,
    reservations: [reservationOf()],
    port: vethOf(),
    since: 1000,
    ...parts,
  }
}
