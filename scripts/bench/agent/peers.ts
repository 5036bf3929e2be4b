/** Made-up peers of a vxlan network, and what a node needs to reach them: pure. */

export const networkConf =
  '{"Network": "10.0.0.0/8", "SubnetLen": 24, "SubnetMin": "10.200.0.0", "Backend": {"Type": "vxlan"}}'

export interface Peer {
  /** The first address of its /24; below those that an agent of the benchmark may lease. */
  readonly ip: string
  readonly publicIp: string
  readonly mac: string
}

/** The peers with the numbers from `first` on; there can be 30,000. */
export function peers(count: number, first = 0): Peer[] {
  return Array.from({ length: count }, (_, index) => {
    const [high, low] = [(first + index) >> 8, (first + index) & 255]
    const hex = [high, low].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
    return {
      ip: `10.${64 + high}.${low}.0`,
      publicIp: `198.18.${high}.${low}`, // RFC 2544 has this network for benchmarks
      mac: `0e:00:00:00:${hex}`,
    }
  })
}

/** Its key in etcd below a prefix, and the value that flanneld has there. */
export function leaseOf(prefix: string, { ip, publicIp, mac }: Peer): readonly [string, string] {
  const backend = { BackendType: 'vxlan', BackendData: { VNI: 1, VtepMAC: mac } }
  return [
    `${prefix}/subnets/${ip}-24`,
    JSON.stringify({ PublicIP: publicIp, PublicIPv6: null, ...backend }),
  ]
}

/** The input of `ip -batch` for the neighbours and routes of peers on a device. */
export function ipBatch(all: readonly Peer[], device: string): string {
  const neighbours = all.map(({ ip, mac }) => {
    return `neigh replace ${ip} lladdr ${mac} dev ${device} nud permanent`
  })
  const routes = all.map(({ ip }) => `route replace ${ip}/24 via ${ip} dev ${device} onlink`)
  return lines([...neighbours, ...routes])
}

/** The input of `bridge -batch` for their FDB entries. */
export function bridgeBatch(all: readonly Peer[], device: string): string {
  return lines(
    all.map(({ mac, publicIp }) => `fdb replace ${mac} dev ${device} dst ${publicIp} self`),
  )
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
