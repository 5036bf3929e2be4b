/** What rules of the chains of the iptables backend say. */
import {
  commentOf,
  destinationOf,
  type ListedRule,
  type Protocol,
  type Rule,
  targetOf,
} from '../../lib/firewall/rule.ts'
import type { Claim, Owner } from './forwarding.ts'

/** A jump from the shared chain to the chain of a container. */
export interface Jump {
  readonly listed: ListedRule
  readonly chain: string
  /** Undefined when the comment has another form, or was cut because it was too long. */
  readonly owner: Required<Owner> | undefined
  readonly protocol: Protocol | undefined
  readonly ports: readonly number[]
  /** Whether packets have to fit more than the ports. */
  readonly isConditional: boolean
}

/** Reads a rule of the shared chain. */
export function parseJump(listed: ListedRule): Jump {
  const { rule } = listed
  const match = rule.find((each) => 'ports' in each)
  return {
    listed,
    chain: targetOf(rule) ?? '',
    owner: parseOwner(commentOf(rule)),
    protocol: match?.protocol,
    ports: match?.ports ?? [],
    isConditional: rule.some((each) => !('ports' in each || 'comment' in each || 'jump' in each)),
  }
}

function parseOwner(comment: string): Required<Owner> | undefined {
  const [, network, containerId] = /^dnat name: "(.*)" id: "(.*)"$/.exec(comment) ?? []
  return network === undefined || containerId === undefined ? undefined : { network, containerId }
}

/** What a rule of a container's chain claims; undefined when it forwards no port. */
export function claimOf(owner: Owner, rule: Rule): Claim | undefined {
  const match = rule.find((each) => 'port' in each)
  if (match === undefined || !rule.some((each) => 'dnat' in each)) return undefined
  const hostIp = destinationOf(rule)?.ip
  return { owner, protocol: match.protocol, hostPort: match.port, ...(hostIp && { hostIp }) }
}
