import type { FirewallBackend } from '../../lib/firewall/backend.ts'
import type { Backend } from './forwarding.ts'
import { iptables } from './iptables.ts'
import { nftables } from './nftables.ts'

export const backends: Readonly<Record<FirewallBackend, Backend>> = { iptables, nftables }
