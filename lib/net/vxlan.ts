/** vxlan devices: `ip link add … type vxlan`. */
import { readSmallFile } from '../base/files.ts'
import { family, type Ip } from '../ip/ip.ts'
import type { Connection } from '../netlink/connection.ts'
import { linkMessage, RTM_NEWLINK } from '../netlink/link.ts'
import { NLM_F_CREATE, NLM_F_EXCL } from '../netlink/message.ts'
import { createdLink, indexName, type Link } from './link.ts'

export interface NewVxlan {
  readonly name: string
  readonly mac: string
  /** In bytes. The kernel makes it smaller where the parent's is too small. */
  readonly mtu: number
  /** The index of the link that carries the packets. */
  readonly parent: number
  readonly vni: number
  /** 0 for the kernel's own, 8472. */
  readonly port: number
  /** From where it sends. */
  readonly local: Ip
  readonly learning: boolean
  readonly gbp: boolean
}

/**
 * Creates a vxlan device, which is down, and returns it. Throws a `NetlinkError`: `EEXIST` when the
 * name is taken, or another device has this VNI and port.
 */
export function vxlanAdd(connection: Connection, device: NewVxlan): Link {
  const { name, mac, mtu, parent, vni, port, local, learning, gbp } = device
  const create = {
    operation: `link add ${name} type vxlan id ${vni} dev ${indexName(parent)}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: linkMessage.encode({
      name,
      mac,
      mtu,
      info: {
        kind: 'vxlan',
        vxlan: {
          vni,
          parent,
          ...(family(local) === 4 ? { localIpv4: local } : { localIpv6: local }),
          learning,
          ...(port !== 0 && { port }),
          ...(gbp && { gbp }),
        },
      },
    }),
  }
  return createdLink(connection, create, name)
}

/** Changes whether a vxlan device learns. Throws a `NetlinkError`. */
export function vxlanSetLearning(connection: Connection, index: number, learning: boolean): void {
  connection.execute({
    operation: `link set ${indexName(index)} type vxlan ${learning ? 'learning' : 'nolearning'}`,
    type: RTM_NEWLINK,
    payload: linkMessage.encode({ index, info: { kind: 'vxlan', vxlan: { learning } } }),
  })
}

/** The port of devices for which none is given; a parameter of the module says which. */
export function vxlanDefaultPort(): number {
  try {
    return Number(readSmallFile('/sys/module/vxlan/parameters/udp_port')) || usualPort
  } catch {
    return usualPort // there is no /sys, or the module is loaded by the first device
  }
}

/** drivers/net/vxlan/vxlan_core.c: older than the port of RFC 7348. */
const usualPort = 8472
