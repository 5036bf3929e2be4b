/** Which of the two ways to the kernel's packet filter a node uses. */
import { CniError, ErrorCode } from '../cni/errors.ts'
import { iptablesProblem } from './iptables.ts'
import { nftProblem } from './nft.ts'
import type { Tools } from './node-tool.ts'

export type FirewallBackend = 'iptables' | 'nftables'

/**
 * The backend for a configuration that names none: iptables, unless only nftables can be used,
 * as with the Go plugins. Starts processes. Throws a `CniError` when neither can be used.
 */
export function detectBackend(tools: Tools): FirewallBackend {
  const iptables = iptablesProblem(tools, 4)
  if (iptables === undefined) return 'iptables'
  const nft = nftProblem(tools)
  if (nft === undefined) return 'nftables'
  throw new CniError(
    ErrorCode.internal,
    'neither iptables nor nftables is usable',
    `(iptables) ${describe(iptables)}, (nftables) ${describe(nft)}`,
  )
}

function describe({ message, details }: CniError): string {
  return details === '' ? message : `${message}: ${details}`
}
