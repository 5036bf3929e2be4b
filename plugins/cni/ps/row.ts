/** What `cni ps` says of an attachment, before it is laid out: pure. */
import { isObject } from '../../../lib/cni/json.ts'
import { formatCidr } from '../../../lib/net/ip.ts'
import type { NodeAttachment } from '../node/attachments.ts'

export interface Row extends NodeAttachment {
  /** What is wrong with it; empty when nothing is. */
  readonly problem: string
}

/** A port of the host that leads to the container. */
export interface HostPort {
  /** Empty for every address of the host. */
  readonly hostIP: string
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: string
}

/** The addresses of an attachment: with prefix when its result is known. */
export function addressesOf({ result, reservations }: NodeAttachment): string[] {
  return result === undefined
    ? reservations.map(({ address }) => address)
    : result.ips.map(({ address }) => formatCidr(address))
}

/** The host ports of an attachment: the capability `portMappings` (CNI conventions). */
export function hostPortsOf({ capabilityArgs }: NodeAttachment): HostPort[] {
  const { portMappings } = capabilityArgs
  if (!Array.isArray(portMappings)) return []
  return portMappings.flatMap((mapping: unknown) => {
    if (!isObject(mapping)) return []
    const { hostIP = '', hostPort, containerPort, protocol = 'tcp' } = mapping
    if (typeof hostPort !== 'number' || typeof containerPort !== 'number') return []
    const address = String(hostIP) === '0.0.0.0' || String(hostIP) === '::' ? '' : String(hostIP)
    return [{ hostIP: address, hostPort, containerPort, protocol: String(protocol).toLowerCase() }]
  })
}
