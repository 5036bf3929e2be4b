/** The iptables backend. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import type { Listing } from '../../lib/firewall/firewall.ts'
import { ruleWords } from '../../lib/firewall/iptables-write.ts'
import { iptables } from '../../lib/firewall/iptables.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasLegacyNat } from '../../lib/firewall/rule-search.ts'
import { type ChainRule, type Rule, targetOf } from '../../lib/firewall/rule.ts'
import {
  addRules,
  type Change,
  deleteChains,
  deleteRules,
  emptyChains,
} from '../../lib/firewall/transaction.ts'
import type { Family } from '../../lib/ip/ip.ts'
import {
  type Backend,
  type Claim,
  type Forwarding,
  isSameOwner,
  type Removal,
} from './forwarding.ts'
import { claimOf, type Jump, parseJump } from './iptables-listing.ts'
import {
  containerChain,
  containerRules,
  entryRules,
  jumpRules,
  markRules,
  namePrefix,
  sharedChain,
} from './iptables-rules.ts'

const hookChains = ['PREROUTING', 'OUTPUT', 'POSTROUTING']

export const iptablesBackend: Backend = {
  list(tools, family, wanted) {
    // the hooks are looked at when there is something to lead packets to
    const chains = wanted === undefined ? [] : hookChains
    const listing = iptables(tools).list(nat(family), {
      chains: [...chains, sharedChain],
      mentioning: namePrefix, // what others have in the hooks is nothing to look at
    })
    const jumps = (listing.get(sharedChain) ?? []).map(parseJump)
    return {
      owners: jumps.flatMap(({ owner }) => owner ?? []),
      claims: wanted === undefined ? [] : listClaims(tools, family, jumps, wanted),
      change: (removal, added) => change(tools, family, listing, jumps, removal, added),
      check: (forwarding) => check(tools, family, forwarding),
    }
  },
}

function nat(family: Family) {
  return { family, name: 'nat' }
}

/** Only a container's own chain tells on which address of the host a port is forwarded. */
function listClaims(
  tools: Tools,
  family: Family,
  jumps: readonly Jump[],
  wanted: Forwarding,
): Claim[] {
  const colliding = jumps.filter((jump) => canCollide(family, jump, wanted))
  if (colliding.length === 0) return []
  const chains = [...new Set(colliding.map(({ chain }) => chain))]
  const listing = iptables(tools).list(nat(family), { chains })
  return chains.flatMap((chain) => {
    const owner = colliding.find((jump) => jump.chain === chain)?.owner
    const rules = listing.get(chain) ?? []
    return owner === undefined ? [] : rules.flatMap(({ rule }) => claimOf(owner, rule) ?? [])
  })
}

/** Two networks whose conditions differ may share a port. */
function canCollide(family: Family, jump: Jump, { owner, options, targets }: Forwarding): boolean {
  const isConditional = jump.isConditional || options.conditions[family].length > 0
  if (isConditional && jump.owner?.network !== owner.network) return false
  return targets.some(({ mappings }) =>
    mappings.some(
      ({ protocol, hostPort }) => protocol === jump.protocol && jump.ports.includes(hostPort),
    ),
  )
}

function change(
  tools: Tools,
  family: Family,
  listing: Listing,
  jumps: readonly Jump[],
  removal: Removal,
  added: Forwarding | undefined,
): void {
  const { chains, jumps: stale } = removed(jumps, removal)
  const own = added && containerChain(added.owner)
  const gone = chains.filter((chain) => chain !== own)
  const made = added === undefined ? [] : madeChains(listing, added)
  const changes: Change[] = [
    ...emptyChains([...gone, ...made]),
    ...deleteRules(stale.map(({ listed }) => listed)),
    ...deleteChains(gone),
    ...(added === undefined ? [] : additions(family, listing, added)),
  ]
  const prefix = added ? 'unable to setup DNAT: ' : `could not teardown ipv${family} dnat: `
  if (changes.length === 0) return
  withPrefix(prefix, () => iptables(tools).apply([{ table: nat(family), changes }]))
}

/** The chains of owners, also those that no jump leads to any more, and the jumps to them. */
function removed(jumps: readonly Jump[], { owners }: Removal) {
  const named = owners.flatMap(({ network, containerId }) =>
    network === undefined ? [] : [containerChain({ network, containerId })],
  )
  const stale = jumps.filter(
    ({ owner, chain }) =>
      named.includes(chain) || owners.some((each) => owner && isSameOwner(owner, each)),
  )
  return { chains: [...new Set([...named, ...stale.map(({ chain }) => chain)])], jumps: stale }
}

/** The chains to have, those that are not shared as empty ones. */
function madeChains(listing: Listing, { owner, options }: Forwarding): string[] {
  return [
    containerChain(owner),
    ...markRules(options).map(({ chain }) => chain),
    ...(listing.has(sharedChain) ? [] : [sharedChain]),
  ]
}

function additions(family: Family, listing: Listing, added: Forwarding): Change[] {
  const { first, last } = entryRules(added.options)
  const isMissing = ({ chain, rule }: ChainRule) =>
    !listing.get(chain)?.some((present) => targetOf(present.rule) === targetOf(rule))
  return [
    ...addRules([
      ...markRules(added.options),
      ...inChain(containerChain(added.owner), containerRules(family, added)),
      ...inChain(sharedChain, jumpRules(family, added)),
    ]),
    ...first.filter(isMissing).map((each): Change => ({ do: 'insert rule', ...each })),
    ...addRules(last.filter(isMissing)),
  ]
}

function inChain(chain: string, rules: readonly Rule[]): ChainRule[] {
  return rules.map((rule) => ({ chain, rule }))
}

function check(tools: Tools, family: Family, forwarding: Forwarding): void {
  const own = containerChain(forwarding.owner)
  // Asked first: iptables does not say which rule is missing where a chain that one leads to is.
  if (!isThere(tools, family, own))
    throw difference(family, `chain ${own} not found in iptables table nat`)
  const { first, last } = entryRules(forwarding.options)
  const missing = iptables(tools).firstMissing(nat(family), [
    ...inChain(own, containerRules(family, forwarding)),
    ...inChain(sharedChain, jumpRules(family, forwarding)),
    ...markRules(forwarding.options),
    ...first,
    ...last,
  ])
  if (missing === undefined) return
  const { chain, rule } = missing
  const text = `rule [${ruleWords(rule).join(' ')}] in chain ${chain} not found in table nat`
  throw difference(family, text)
}

/** Whether there is a chain: a process is started for iptables-legacy alone. */
function isThere(tools: Tools, family: Family, chain: string): boolean {
  if (hasChain({ family, table: 'nat', chain })) return true
  return (
    hasLegacyNat(family) &&
    iptables(tools)
      .list(nat(family), { chains: [chain] })
      .has(chain)
  )
}

function difference(family: Family, text: string): CniError {
  return new CniError(
    ErrorCode.internal,
    `could not check ipv${family} dnat: ${text}`,
    'something removed it; DEL and ADD make it anew',
  )
}
