/** Where a container has rules, asked of the kernel itself: no process is started to find none. */
import type { FirewallBackend } from '../../lib/net/firewall-backend.ts'
import type { Family } from '../../lib/net/ip.ts'
import { hasLegacyNat, hasRule } from '../../lib/net/rule-search.ts'
import type { Owner } from './forwarding.ts'
import { containerChain, sharedChain } from './iptables-rules.ts'
import { table } from './nftables-rules.ts'

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
  return families.flatMap((family) => [
    ...placeIf(hasRule({ family, table }, containerId), 'nftables', family),
    ...placeIf(hasJump(family, `id: "${containerId}"`), 'iptables', family),
  ])
}

/** The same for a container that had host ports: also places whose rules do not name it. */
export function findAllTraces(owner: Required<Owner>): Place[] {
  const named = findTraces(owner)
  const others = families.flatMap((family) =>
    placeIf(hasLegacyNat(family) || hasChain(family, owner), 'iptables', family),
  )
  const isNamed = (place: Place) =>
    named.some(({ backend, family }) => backend === place.backend && family === place.family)
  return [...named, ...others.filter((place) => !isNamed(place))]
}

/** The places where the iptables backend has any rules. */
export function findIptables(): Place[] {
  return families.flatMap((family) =>
    placeIf(hasLegacyNat(family) || hasJump(family, ''), 'iptables', family),
  )
}

function placeIf(found: boolean, backend: FirewallBackend, family: Family): Place[] {
  return found ? [{ backend, family }] : []
}

function hasJump(family: Family, text: string): boolean {
  return hasRule({ family, table: 'nat', chain: sharedChain }, text)
}

/** Whether the container's own chain was left behind; hashing its name takes longer than to ask. */
function hasChain(family: Family, owner: Required<Owner>): boolean {
  if (!hasJump(family, '')) return false
  return hasRule({ family, table: 'nat', chain: containerChain(owner) }, '')
}
