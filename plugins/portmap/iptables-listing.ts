/** What rules of the chains of the iptables backend say, as iptables lists them. */
import type { Rule } from '../../lib/firewall/iptables.ts'
import { parseCidr } from '../../lib/ip/ip.ts'
import type { Claim, Owner } from './forwarding.ts'
import { findProtocol, type Protocol } from './mapping.ts'

/** A jump from the shared chain to the chain of a container. */
export interface Jump {
  readonly rule: Rule
  readonly chain: string
  /** Undefined when the comment has another form, or was cut because it was too long. */
  readonly owner: Required<Owner> | undefined
  readonly protocol: Protocol | undefined
  readonly ports: readonly number[]
  /** Whether packets have to fit more than the ports. */
  readonly isConditional: boolean
}

const valueOptions = ['-p', '-m', '--comment', '--dports', '--destination-ports', '-j']

/** Reads a rule of the shared chain. */
export function parseJump(rule: Rule): Jump {
  const ports = valueOf(rule, '--dports') ?? valueOf(rule, '--destination-ports') ?? ''
  return {
    rule,
    chain: valueOf(rule, '-j') ?? '',
    owner: parseOwner(valueOf(rule, '--comment') ?? ''),
    protocol: findProtocol(valueOf(rule, '-p')),
    ports: ports.split(',').map(Number),
    isConditional: rule.some((word, index) => index % 2 === 0 && !valueOptions.includes(word)),
  }
}

function parseOwner(comment: string): Required<Owner> | undefined {
  const [, network, containerId] = /^dnat name: "(.*)" id: "(.*)"$/.exec(comment) ?? []
  return network === undefined || containerId === undefined ? undefined : { network, containerId }
}

/** What a rule of a container's chain claims; undefined when it forwards no port. */
export function claimOf(owner: Owner, rule: Rule): Claim | undefined {
  const protocol = findProtocol(valueOf(rule, '-p'))
  const hostPort = Number(valueOf(rule, '--dport'))
  if (valueOf(rule, '-j') !== 'DNAT' || protocol === undefined || hostPort === 0) return undefined
  const hostIp = parseCidr(valueOf(rule, '-d') ?? '')?.ip
  return { owner, protocol, hostPort, ...(hostIp && { hostIp }) }
}

/** The word behind an option; a negated option has `!` before it and is not meant. */
function valueOf(rule: Rule, option: string): string | undefined {
  const index = rule.indexOf(option)
  return index < 0 || rule[index - 1] === '!' ? undefined : rule[index + 1]
}
