/** The iptables backend. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import {
  type ChainRule,
  type Changes,
  iptablesFirstMissing,
  iptablesList,
  iptablesListAll,
  iptablesRestore,
  type Rule,
} from '../../lib/firewall/iptables.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasLegacyNat } from '../../lib/firewall/rule-search.ts'
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

export const iptables: Backend = {
  list(tools, family, wanted) {
    // the hooks are looked at when there is something to lead packets to
    const chains = wanted === undefined ? [] : hookChains
    const lists = listChains(tools, family, [...chains, sharedChain])
    const jumps = (lists.get(sharedChain) ?? []).map(parseJump)
    return {
      owners: jumps.flatMap(({ owner }) => owner ?? []),
      claims: wanted === undefined ? [] : listClaims(tools, family, jumps, wanted),
      change: (removal, added) => change(tools, family, lists, jumps, removal, added),
      check: (forwarding) => check(tools, family, forwarding),
    }
  },
}

function listChains(tools: Tools, family: Family, chains: readonly string[]): Map<string, Rule[]> {
  const [only, ...others] = chains
  // what others have in the hooks is nothing to look at
  if (only === undefined || others.length > 0)
    return iptablesListAll(tools, family, chains, namePrefix)
  const rules = iptablesList(tools, family, only)
  return new Map(rules === undefined ? [] : [[only, rules]])
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
  const lists = iptablesListAll(tools, family, chains)
  return chains.flatMap((chain) => {
    const owner = colliding.find((jump) => jump.chain === chain)?.owner
    const rules = lists.get(chain) ?? []
    return owner === undefined ? [] : rules.flatMap((rule) => claimOf(owner, rule) ?? [])
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
  lists: ReadonlyMap<string, readonly Rule[]>,
  jumps: readonly Jump[],
  removal: Removal,
  added: Forwarding | undefined,
): void {
  const { chains, jumps: stale } = removed(jumps, removal)
  const own = added && containerChain(added.owner)
  const gone = chains.filter((chain) => chain !== own)
  const addition = added === undefined ? nothing : additions(family, lists, added)
  const changes: Changes = {
    chains: [...gone, ...addition.chains],
    commands: [
      ...stale.map(({ rule }) => ['-D', sharedChain, ...rule]),
      ...gone.map((chain) => ['-X', chain]),
      ...addition.commands,
    ],
  }
  const prefix = added ? 'unable to setup DNAT: ' : `could not teardown ipv${family} dnat: `
  if (changes.commands.length > 0) withPrefix(prefix, () => iptablesRestore(tools, family, changes))
}

const nothing: Changes = { chains: [], commands: [] }

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

function additions(
  family: Family,
  lists: ReadonlyMap<string, readonly Rule[]>,
  added: Forwarding,
): Changes {
  const own = containerChain(added.owner)
  const marks = markRules(added.options)
  const { first, last } = entryRules(added.options)
  const isMissing = ({ chain, rule }: ChainRule) =>
    !(lists.get(chain) ?? []).some((present) => present.at(-1) === rule.at(-1))
  return {
    chains: [
      own,
      ...marks.map(({ chain }) => chain),
      ...(lists.has(sharedChain) ? [] : [sharedChain]),
    ],
    commands: [
      ...marks.map(({ chain, rule }) => ['-A', chain, ...rule]),
      ...containerRules(family, added).map((rule) => ['-A', own, ...rule]),
      ...jumpRules(family, added).map((rule) => ['-A', sharedChain, ...rule]),
      ...first.filter(isMissing).map(({ chain, rule }) => ['-I', chain, '1', ...rule]),
      ...last.filter(isMissing).map(({ chain, rule }) => ['-A', chain, ...rule]),
    ],
  }
}

function check(tools: Tools, family: Family, forwarding: Forwarding): void {
  const own = containerChain(forwarding.owner)
  // Asked first: iptables does not say which rule is missing where a chain that one leads to is.
  if (!isThere(tools, family, own))
    throw difference(family, `chain ${own} not found in iptables table nat`)
  const { first, last } = entryRules(forwarding.options)
  const missing = iptablesFirstMissing(tools, family, [
    ...containerRules(family, forwarding).map((rule) => ({ chain: own, rule })),
    ...jumpRules(family, forwarding).map((rule) => ({ chain: sharedChain, rule })),
    ...markRules(forwarding.options),
    ...first,
    ...last,
  ])
  if (missing === undefined) return
  const { chain, rule } = missing
  const text = `rule [${rule.join(' ')}] in chain ${chain} not found in table nat`
  throw difference(family, text)
}

/** Whether there is a chain: a process is started for iptables-legacy alone. */
function isThere(tools: Tools, family: Family, chain: string): boolean {
  if (hasChain({ family, table: 'nat', chain })) return true
  return hasLegacyNat(family) && iptablesList(tools, family, chain) !== undefined
}

function difference(family: Family, text: string): CniError {
  return new CniError(
    ErrorCode.internal,
    `could not check ipv${family} dnat: ${text}`,
    'something removed it; DEL and ADD make it anew',
  )
}
