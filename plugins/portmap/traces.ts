/** Where a container has rules, asked of the kernel itself: no process is started to find none. */
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import { encodedRules, hasLegacyNat, hasRule } from '../../lib/firewall/rule-search.ts'
import type { Family } from '../../lib/ip/ip.ts'
import type { Owner } from './forwarding.ts'
import { containerChain, sharedChain } from './iptables-rules.ts'
import { tableName } from './nftables-rules.ts'

/** One backend's rules of one family. */
export interface Place {
  readonly backend: FirewallBackend
  readonly family: Family
}

export const families = [4, 6] as const

/**
 * The places where rules name the container. One whose ID contains this one's counts too: a closer
 * look does no harm. The tables of iptables-legacy cannot be seen.
 */
export function findTraces({ containerId }: Owner): Place[] {
  return lookAround().flatMap(({ family, own, jumps }) => [
    ...placeIf(names(own, containerId), 'nftables', family),
    ...placeIf(names(jumps, idComment(containerId)), 'iptables', family),
  ])
}

/** The same for a container that had host ports: also places whose rules do not name it. */
export function findAllTraces(owner: Required<Owner>): Place[] {
  const { containerId } = owner
  return lookAround().flatMap(({ family, own, jumps }) => {
    const hasJumps = names(jumps, idComment(containerId)) || hasLegacyNat(family)
    return [
      ...placeIf(names(own, containerId), 'nftables', family),
      ...placeIf(hasJumps || hasChain(family, owner, jumps), 'iptables', family),
    ]
  })
}

/** The places where the iptables backend has any rules. */
export function findIptables(): Place[] {
  return families.flatMap((family) =>
    placeIf(hasLegacyNat(family) || hasRule(jumpsOf(family), ''), 'iptables', family),
  )
}

interface Surroundings {
  readonly family: Family
  /** The rules of the nftables backend. */
  readonly own: readonly Buffer[]
  /** Those of the iptables backend that lead to the chains of containers. */
  readonly jumps: readonly Buffer[]
}

/** The rules of both families, by one connection: a container that has none is torn down often. */
function lookAround(): Surroundings[] {
  const rules = encodedRules(
    families.flatMap((family) => [{ family, table: tableName }, jumpsOf(family)]),
  )
  return families.map((family, index) => {
    const [own = [], jumps = []] = rules.slice(2 * index)
    return { family, own, jumps }
  })
}

function jumpsOf(family: Family) {
  return { family, table: 'nat', chain: sharedChain } as const
}

function idComment(containerId: string): string {
  return `id: "${containerId}"`
}

function names(rules: readonly Buffer[], text: string): boolean {
  return rules.some((rule) => rule.includes(text))
}

function placeIf(found: boolean, backend: FirewallBackend, family: Family): Place[] {
  return found ? [{ backend, family }] : []
}

/** Whether the container's own chain was left behind; hashing its name takes longer than to ask. */
function hasChain(family: Family, owner: Required<Owner>, jumps: readonly Buffer[]): boolean {
  if (jumps.length === 0) return false
  return hasRule({ family, table: 'nat', chain: containerChain(owner) }, '')
}
