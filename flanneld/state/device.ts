/** A vxlan device of the agent's, and what the one that is there lacks. */
import { formatIp, type Ip, sameIp } from '../../lib/ip/ip.ts'
import type { Link } from '../../lib/net/link.ts'

export interface Device {
  readonly name: string
  readonly mac: string
  /** In bytes. */
  readonly mtu: number
  readonly vni: number
  /** 0 for the kernel's own, 8472. */
  readonly port: number
  /** The address from which it sends. */
  readonly local: Ip
  /** The name of the link that carries its packets. */
  readonly parent: string
  readonly learning: boolean
  readonly gbp: boolean
}

/** How a link is made to be the device. */
export type DeviceChange =
  | { readonly do: 'nothing' }
  /** For this reason another one has to be made. */
  | { readonly do: 'replace'; readonly because: string }
  | {
      readonly do: 'set'
      readonly mtu?: number
      readonly mac?: string
      readonly learning?: boolean
      readonly because: string
    }

/** What devices depend on. */
export interface Ground {
  /** Of the link that is to carry the packets. */
  readonly parentIndex: number
  /** The port of devices for which none is given. */
  readonly defaultPort: number
}

/** What it takes to make the link the device. Whether it is up is not looked at. */
export function compareDevice(device: Device, link: Link, ground: Ground): DeviceChange {
  const mismatch = findMismatch(device, link, ground)
  if (mismatch !== undefined) return { do: 'replace', because: mismatch }
  const changes = [
    ...(link.mtu === device.mtu ? [] : [`its MTU is ${link.mtu}, not ${device.mtu}`]),
    ...(link.mac === device.mac ? [] : [`its MAC is ${link.mac}, not ${device.mac}`]),
    ...(link.vxlan?.learning === device.learning ? [] : [`learning is ${!device.learning}`]),
  ]
  if (changes.length === 0) return { do: 'nothing' }
  return {
    do: 'set',
    ...(link.mtu !== device.mtu && { mtu: device.mtu }),
    ...(link.mac !== device.mac && { mac: device.mac }),
    ...(link.vxlan?.learning !== device.learning && { learning: device.learning }),
    because: changes.join(', '),
  }
}

/** Whether the device can be made of the link, and goes on with its MAC. */
export function isCompatible(
  device: Omit<Device, 'mac' | 'mtu'>,
  link: Link,
  ground: Ground,
): boolean {
  return findMismatch(device, link, ground) === undefined
}

/** What cannot be changed in a device that is there; undefined for nothing. */
function findMismatch(
  { vni, port, local, gbp, parent }: Omit<Device, 'mac' | 'mtu'>,
  { kind, vxlan }: Link,
  { parentIndex, defaultPort }: Ground,
): string | undefined {
  if (kind !== 'vxlan' || vxlan === undefined) return `it is a ${kind ?? 'device of hardware'}`
  if (vxlan.vni !== vni) return `its VNI is ${vxlan.vni}, not ${vni}`
  if (vxlan.parent !== parentIndex) return `it is not on ${parent}`
  const expected = port || defaultPort
  if (vxlan.port !== expected) return `its port is ${vxlan.port}, not ${expected}`
  if (vxlan.local === undefined || !sameIp(vxlan.local, local)) {
    const is = vxlan.local === undefined ? 'not fixed' : formatIp(vxlan.local)
    return `its local address is ${is}, not ${formatIp(local)}`
  }
  return vxlan.gbp === gbp ? undefined : `its GBP is ${vxlan.gbp}, not ${gbp}`
}
