/** Which of the two ways to the kernel's packet filter a node uses. */
import { DetailedError } from '../base/errors.ts'
import { iptablesProblem } from './iptables.ts'
import { nftProblem } from './nft.ts'
import type { Tools } from './node-tool.ts'

export const firewallBackends = ['iptables', 'nftables'] as const
export type FirewallBackend = (typeof firewallBackends)[number]

/** What the node must have installed for a backend; those of IPv6 come with them. */
export const programs: Readonly<Record<FirewallBackend, readonly string[]>> = {
  iptables: ['iptables', 'iptables-restore'],
  nftables: ['nft'],
}

/** Whether the programs of a backend are there; whether they work is not asked. */
export function isInstalled(tools: Tools, backend: FirewallBackend): boolean {
  return programs[backend].every((name) => tools.find(name) !== undefined)
}

/**
 * The backend for a configuration that names none: iptables, unless only nftables can be used,
 * as with the Go plugins. Starts processes. Throws a `DetailedError` when neither can be used.
 */
export function detectBackend(tools: Tools): FirewallBackend {
  const iptables = iptablesProblem(tools, 4)
  if (iptables === undefined) return 'iptables'
  const nft = nftProblem(tools)
  if (nft === undefined) return 'nftables'
  throw new DetailedError(
    'neither iptables nor nftables is usable',
    `(iptables) ${describe(iptables)}, (nftables) ${describe(nft)}`,
  )
}

function describe({ message, details }: DetailedError): string {
  return details === '' ? message : `${message}: ${details}`
}
