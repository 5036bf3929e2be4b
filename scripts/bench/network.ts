/** The network that pods are attached to: its configurations and addresses, pure. */
import { parseSubnetEnv } from '../../lib/flannel/subnet-env.ts'
import { buildDelegateConf } from '../../plugins/flannel/delegate-conf.ts'
import type { Scenario } from './scenario.ts'

// The newest that Debian's plugins know.
const cniVersion = '1.0.0'

const leases = {
  IPv4: 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.0.1/20\n',
  IPv6: 'FLANNEL_IPV6_NETWORK=fd00:244::/48\nFLANNEL_IPV6_SUBNET=fd00:244::1/64\n',
}

/** The configuration of a plugin. */
export interface Conf {
  readonly type: string
  readonly [key: string]: unknown
}

/** The folder of reservations below a node's folder. */
export const reservations = 'networks/cbr0'

/** What flanneld would write for the node. */
export function subnetEnv({ families }: Scenario): string {
  const both = families === 'IPv4' ? leases.IPv4 : leases.IPv4 + leases.IPv6
  return `${both}FLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n`
}

/** The address of each family with this number, from 2 to 4094, on the node. */
export function addresses({ families }: Scenario, number: number): string[] {
  const v4 = `10.244.${number >> 8}.${number & 255}`
  return families === 'IPv4' ? [v4] : [v4, `fd00:244::${number.toString(16)}`]
}

/**
 * The configuration of the first plugin of the chain, as conf/10-flannel.conflist has it for flannel,
 * and as flannel delegates that to bridge. State is kept in the folder `dir`.
 */
export function firstConf(plugin: 'bridge' | 'flannel', scenario: Scenario, dir: string): Conf {
  const conf = {
    name: 'cbr0',
    cniVersion,
    subnetFile: `${dir}/subnet.env`,
    dataDir: `${dir}/flannel`,
    delegate: { hairpinMode: true, isDefaultGateway: true },
    ipam: { dataDir: `${dir}/networks` },
    runtimeConfig: undefined,
  }
  if (plugin === 'flannel') return { ...conf, type: 'flannel' }
  const env = parseSubnetEnv(subnetEnv(scenario), conf.subnetFile)
  return JSON.parse(buildDelegateConf(conf, env).stdin) as Conf // what it has encoded
}

/** The configuration of portmap, which opens this port of the node. */
export function portmapConf(hostPort: number, dir: string): Conf {
  return {
    name: 'cbr0',
    cniVersion,
    type: 'portmap',
    dataDir: `${dir}/portmap`,
    runtimeConfig: { portMappings: [{ hostPort, containerPort: 80, protocol: 'tcp' }] },
  }
}

/** The configuration of portmap for a pod without host ports, or that of loopback. */
export function confWithoutPorts(type: 'portmap' | 'loopback'): Conf {
  return { name: 'cbr0', cniVersion, type }
}
