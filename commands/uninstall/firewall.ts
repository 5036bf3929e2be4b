/**
 * What the plugins share in the firewall: tables and chains that stay when the rules of all
 * attachments are gone. Other networks of this node may use them as well.
 */
import { errorText } from '../../lib/base/errors.ts'
import type { NatChains } from '../../lib/cni/footprint.ts'
import { rulesOf } from '../../lib/firewall/firewall.ts'
import { iptables } from '../../lib/firewall/iptables.ts'
import { tableFamily } from '../../lib/firewall/nft-write.ts'
import { nftables } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasLegacyNat, hasRule } from '../../lib/firewall/rule-search.ts'
import { commentOf, type ListedRule, targetOf } from '../../lib/firewall/rule.ts'
import { deleteChains, deleteRules, emptyChains } from '../../lib/firewall/transaction.ts'
import type { Family } from '../../lib/ip/ip.ts'
import { footprints } from '../node/plugin-calls.ts'
import type { Removal, Say } from './removal.ts'

const tables = footprints.flatMap((footprint) => footprint.tables ?? [])
const chains = footprints.flatMap((footprint) => footprint.chains ?? [])

/** The tables and chains that are there. What somebody still uses when it is their turn stays. */
export function planFirewall(tools: Tools, say: Say): Removal[] {
  return [
    ...unlessUnusable('nftables', say, () => planTables(tools, say)),
    ...unlessUnusable('iptables', say, () => planChains(tools, say)),
  ]
}

function unlessUnusable(backend: string, say: Say, plan: () => Removal[]): Removal[] {
  try {
    return plan()
  } catch (error) {
    say(`keeping whatever is in ${backend}, which cannot be listed: ${errorText(error)}`)
    return []
  }
}

function planTables(tools: Tools, say: Say): Removal[] {
  if (tools.find('nft') === undefined) return []
  const { list, apply } = nftables(tools)
  return tables.flatMap((table) => {
    const name = `table ${tableFamily(table)} ${table.name} of nftables`
    if (rulesOf(list(table)).length === 0) return []
    const remove = () => {
      const rules = rulesOf(list(table))
      if (rules.some(isContainers)) say(`kept ${name}: other networks use it`)
      else if (rules.length > 0) apply([{ table, changes: [{ do: 'delete table' }] }])
    }
    return [{ what: `${name}, unless other networks use it`, remove }]
  })
}

/** The rules of containers have a comment, those of the structure have none. */
function isContainers({ rule }: ListedRule): boolean {
  return commentOf(rule) !== ''
}

function planChains(tools: Tools, say: Say): Removal[] {
  return chains.flatMap((each) =>
    ([4, 6] as const).flatMap((family) => planOf(tools, family, each, say)),
  )
}

function planOf(tools: Tools, family: Family, chains: NatChains, say: Say): Removal[] {
  const present = presentChains(tools, family, chains)
  if (present.length === 0) return []
  const name = `chains ${present.join(', ')} of ${{ 4: 'iptables', 6: 'ip6tables' }[family]}`
  const remove = () => {
    const used = iptables(tools).list(nat(family), { chains: [chains.entry] })
    if (rulesOf(used).length > 0) {
      say(`kept ${name}: other networks use them`)
    } else removeChains(tools, family, chains, presentChains(tools, family, chains))
  }
  return [{ what: `${name}, unless other networks use them`, remove }]
}

/** The chains that there are; no process is started where there cannot be any. */
function presentChains(tools: Tools, family: Family, { prefix, names }: NatChains): string[] {
  if (!hasRule({ family, table: 'nat' }, prefix) && !hasLegacyNat(family)) return []
  return [...iptables(tools).list(nat(family), { chains: names }).keys()]
}

/** Removes chains, and the rules that lead to them, in one transaction. */
function removeChains(
  tools: Tools,
  family: Family,
  { hooks }: NatChains,
  present: readonly string[],
): void {
  if (present.length === 0) return
  const listing = iptables(tools).list(nat(family), { chains: hooks })
  const jumps = rulesOf(listing).filter(({ rule }) => present.includes(targetOf(rule) ?? ''))
  const changes = [...deleteRules(jumps), ...emptyChains(present), ...deleteChains(present)]
  iptables(tools).apply([{ table: nat(family), changes }])
}

function nat(family: Family) {
  return { family, name: 'nat' }
}
