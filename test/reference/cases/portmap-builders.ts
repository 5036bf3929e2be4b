/** Ports, and what connects the pod that has them. */

export const tcp = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }

export function mapped(...portMappings: readonly object[]): object {
  return { runtimeConfig: { portMappings } }
}

const interfaces = [{ name: 'cni0' }, { name: 'veth0' }, { name: 'eth0', sandbox: '$POD' }]
export const addressV4 = { address: '10.1.2.2/24', gateway: '10.1.2.1', interface: 2 }
export const addressV6 = { address: 'fd00::2/64', gateway: 'fd00::1', interface: 2 }

export function connected(...ips: readonly object[]): { readonly prevResult: object } {
  return { prevResult: { cniVersion: '1.0.0', interfaces, ips } }
}
