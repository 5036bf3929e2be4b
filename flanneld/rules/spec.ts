/** What the agent is to have in the packet filter, of which backend and of which networks. */
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import type { Cidr } from '../../lib/ip/ip.ts'

/** `masquerade`: what leaves the network; `forward`: accept what is forwarded from and to it. */
export const ruleKinds = ['masquerade', 'forward'] as const
export type RuleKind = (typeof ruleKinds)[number]

export const families = [4, 6] as const

/** The networks of one family. */
export interface NodeNetwork {
  /** That of the whole cluster. */
  readonly network: Cidr
  /** That of this node's pods. */
  readonly subnet: Cidr
}

export interface RulesSpec {
  readonly backend: FirewallBackend
  /** One of a family at most. */
  readonly networks: readonly NodeNetwork[]
  /** `--ip-masq`. */
  readonly masquerade: boolean
  /** `--iptables-forward-rules`. */
  readonly forward: boolean
  /** Whether ports of masqueraded connections are chosen at random, where the backend can do it. */
  readonly fullyRandom: boolean
}
