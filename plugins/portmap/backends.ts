import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import type { Backend } from './forwarding.ts'
import { iptablesBackend } from './iptables.ts'
import { nftablesBackend } from './nftables.ts'

export const backends: Readonly<Record<FirewallBackend, Backend>> = {
  iptables: iptablesBackend,
  nftables: nftablesBackend,
}
