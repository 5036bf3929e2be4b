/** What the tests of both backends' rules forward. */
import { parsePortmapConf } from '../../../plugins/portmap/conf.ts'
import type { Forwarding } from '../../../plugins/portmap/forwarding.ts'
import { cidr } from '../../support/address.ts'
import { requestOf } from '../../support/request.ts'

export const containerId = 'icee6giejonei6so'

export const portMappings = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8081, containerPort: 80, protocol: 'tcp' },
  { hostPort: 8080, containerPort: 81, protocol: 'udp' },
  { hostPort: 8082, containerPort: 82, protocol: 'udp' },
  { hostPort: 8083, containerPort: 83, protocol: 'tcp', hostIP: '192.168.0.2' },
  { hostPort: 8084, containerPort: 84, protocol: 'tcp', hostIP: '0.0.0.0' },
  { hostPort: 8085, containerPort: 85, protocol: 'tcp', hostIP: '2001:db8:a::1' },
  { hostPort: 8086, containerPort: 86, protocol: 'tcp', hostIP: '::' },
]

/** What a container with this address, in a network named `test`, forwards. */
export function forwardingTo(address: string, conf: object = {}): Forwarding {
  const request = requestOf({ containerId, conf: { runtimeConfig: { portMappings }, ...conf } })
  const { mappings, ...options } = parsePortmapConf(request)
  const owner = { network: 'test', containerId }
  return { owner, options, targets: [{ address: cidr(address), mappings }] }
}
