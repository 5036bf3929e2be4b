/** What `cni ps` says of an attachment, before it is laid out: pure. */
import { CniError } from '../../lib/cni/errors.ts'
import { readConf } from '../../lib/cni/schema.ts'
import { formatCidr, formatIp } from '../../lib/ip/ip.ts'
import { confSchema } from '../../plugins/portmap/conf-schema.ts'
import { parseMapping } from '../../plugins/portmap/mapping.ts'
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

/**
 * The host ports of an attachment: the capability `portMappings` (CNI conventions), as portmap reads
 * it. What portmap refuses leads nowhere, and is left out.
 */
export function hostPortsOf({ capabilityArgs }: NodeAttachment): HostPort[] {
  const { portMappings } = capabilityArgs
  return Array.isArray(portMappings) ? portMappings.flatMap(readMapping) : []
}

function readMapping(mapping: unknown): HostPort[] {
  const conf = { runtimeConfig: { portMappings: [mapping] } }
  try {
    const { runtimeConfig } = readConf(confSchema, conf, '')
    return (runtimeConfig?.portMappings ?? []).map((raw) => {
      const { hostIp, hostPort, containerPort, protocol } = parseMapping(raw, 'portMappings')
      const hostIP = hostIp === undefined ? '' : formatIp(hostIp)
      return { hostIP, hostPort, containerPort, protocol }
    })
  } catch (error) {
    if (error instanceof CniError) return []
    throw error
  }
}
