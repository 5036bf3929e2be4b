/** Which of the two ways to the kernel's packet filter a node uses. */
import { DetailedError } from '../base/errors.ts'
import type { Firewall, FirewallBackend } from './firewall.ts'
import { iptables } from './iptables.ts'
import { nftables } from './nft.ts'
import type { Tools } from './node-tool.ts'

/** What the node must have installed for a backend; those of IPv6 come with them. */
export const programs: Readonly<Record<FirewallBackend, readonly string[]>> = {
  iptables: ['iptables', 'iptables-restore'],
  nftables: ['nft'],
}

/** The packet filter by a backend; starts nothing. */
export function firewallOf(tools: Tools, backend: FirewallBackend): Firewall {
  return { iptables, nftables }[backend](tools)
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
  const withoutIptables = iptables(tools).problem(4)
  if (withoutIptables === undefined) return 'iptables'
  const withoutNft = nftables(tools).problem(4)
  if (withoutNft === undefined) return 'nftables'
  throw new DetailedError(
    'neither iptables nor nftables is usable',
    `(iptables) ${describe(withoutIptables)}, (nftables) ${describe(withoutNft)}`,
  )
}

function describe({ message, details }: DetailedError): string {
  return details === '' ? message : `${message}: ${details}`
}
