/** A port of the host that leads to a port of the container. */
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { type Protocol, protocols } from '../../lib/firewall/rule.ts'
import { family, type Family, formatIp, type Ip, parseIp, sameIp } from '../../lib/ip/ip.ts'
import type { RawPortMapping } from './conf-schema.ts'

/** A port as clients see it; `hostIp` is absent when it is open on every address. */
export interface HostPort {
  readonly protocol: Protocol
  readonly hostPort: number
  readonly hostIp?: Ip | undefined
  /** The only family it is open in; absent when it is open in every one the container has. */
  readonly family?: Family | undefined
}

export interface PortMapping extends HostPort {
  readonly containerPort: number
}

/** Reads a mapping; throws a `CniError` with code 7 that has the `path` of what is wrong. */
export function parseMapping(raw: RawPortMapping, path: string): PortMapping {
  const { hostPort = 0, containerPort = 0, hostIP = '' } = raw
  checkPort(containerPort, 'container', `${path}.containerPort`)
  checkPort(hostPort, 'host', `${path}.hostPort`)
  const protocol = parseProtocol(raw.protocol, `${path}.protocol`)
  if (hostIP === '') return { protocol, hostPort, containerPort }
  const ip = parseIp(hostIP)
  if (ip === undefined) {
    const found = JSON.stringify(hostIP)
    throw invalid(`${path}.hostIP must be an IP address`, `found ${found}; leave it out for all`)
  }
  const hostIp = ip.value === 0n ? undefined : ip // 0.0.0.0 and :: are every address of a family
  return { protocol, hostPort, containerPort, hostIp, family: family(ip) }
}

function checkPort(port: number, whose: string, path: string): void {
  if (port >= 1 && port <= 65535) return
  throw invalid(`Invalid ${whose} port number: ${port}`, `${path} must be from 1 to 65535`)
}

function parseProtocol(text: string | undefined, path: string): Protocol {
  const protocol = findProtocol(text)
  if (protocol !== undefined) return protocol
  const found = text === undefined ? 'nothing' : JSON.stringify(text)
  throw invalid(`${path} must be one of "tcp", "udp", "sctp"`, `found ${found}`)
}

/** The protocol with this name in any case, or undefined. */
export function findProtocol(name: string | undefined): Protocol | undefined {
  return protocols.find((protocol) => protocol === name?.toLowerCase())
}

function invalid(message: string, details: string): CniError {
  return new CniError(ErrorCode.invalidNetworkConfig, message, details)
}

/** The mapping as runtimes write it, for the record of an attachment. */
export function formatMapping({ hostIp, family, ...rest }: PortMapping): RawPortMapping {
  const any = family === undefined ? undefined : { 4: '0.0.0.0', 6: '::' }[family]
  const hostIP = hostIp === undefined ? any : formatIp(hostIp)
  return { ...rest, ...(hostIP !== undefined && { hostIP }) }
}

/** The mappings that are for a family. */
export function ofFamily(mappings: readonly PortMapping[], of: Family): PortMapping[] {
  return mappings.filter((mapping) => mapping.family === undefined || mapping.family === of)
}

/** Whether a packet can be for both. */
export function overlap(a: HostPort, b: HostPort): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false
  if (a.family !== undefined && b.family !== undefined && a.family !== b.family) return false
  return a.hostIp === undefined || b.hostIp === undefined || sameIp(a.hostIp, b.hostIp)
}

/** `8080/tcp`, or `192.0.2.1:8080/tcp`. */
export function formatHostPort({ protocol, hostPort, hostIp }: HostPort): string {
  const at =
    hostIp === undefined
      ? ''
      : `${family(hostIp) === 4 ? formatIp(hostIp) : `[${formatIp(hostIp)}]`}:`
  return `${at}${hostPort}/${protocol}`
}
