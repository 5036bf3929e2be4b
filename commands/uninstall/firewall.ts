/**
 * What the plugins share in the firewall: tables and chains that stay when the rules of all
 * attachments are gone. Other networks of this node may use them as well.
 */
import { errorText } from '../../lib/base/errors.ts'
import { iptablesList, iptablesListAll, iptablesRestore } from '../../lib/firewall/iptables.ts'
import { nftListTable, type NftRule, nftRun } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasLegacyNat, hasRule } from '../../lib/firewall/rule-search.ts'
import type { Family } from '../../lib/ip/ip.ts'
import type { Removal, Say } from './removal.ts'

/** Of port mappings, and of masquerading: the names that the Go plugins have too. */
const tables = [
  { family: 'ip', table: 'cni_hostport' },
  { family: 'ip6', table: 'cni_hostport' },
  { family: 'inet', table: 'cni_plugins_masquerade' },
] as const

/** Of port mappings: the first one leads to the chains of containers. */
const chains = ['CNI-HOSTPORT-DNAT', 'CNI-HOSTPORT-SETMARK', 'CNI-HOSTPORT-MASQ'] as const
const entries = ['PREROUTING', 'OUTPUT', 'POSTROUTING'] as const

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
  return tables.flatMap(({ family, table }) => {
    const name = `table ${family} ${table} of nftables`
    if (nftListTable(tools, family, table).length === 0) return []
    const remove = () => {
      const rules = nftListTable(tools, family, table)
      if (rules.some(isContainers)) say(`kept ${name}: other networks use it`)
      else if (rules.length > 0) nftRun(tools, `delete table ${family} ${table}\n`)
    }
    return [{ what: `${name}, unless other networks use it`, remove }]
  })
}

/** The rules of containers have a comment, those of the structure have none. */
function isContainers({ comment }: NftRule): boolean {
  return comment !== ''
}

function planChains(tools: Tools, say: Say): Removal[] {
  return ([4, 6] as const).flatMap((family) => {
    const present = presentChains(tools, family)
    if (present.length === 0) return []
    const name = `chains ${present.join(', ')} of ${{ 4: 'iptables', 6: 'ip6tables' }[family]}`
    const remove = () => {
      if ((iptablesList(tools, family, chains[0]) ?? []).length > 0) {
        say(`kept ${name}: other networks use them`)
      } else removeChains(tools, family, presentChains(tools, family))
    }
    return [{ what: `${name}, unless other networks use them`, remove }]
  })
}

/** The chains that there are; no process is started where there cannot be any. */
function presentChains(tools: Tools, family: Family): string[] {
  if (!hasRule({ family, table: 'nat' }, 'CNI-HOSTPORT-') && !hasLegacyNat(family)) return []
  return [...iptablesListAll(tools, family, chains).keys()]
}

/** Removes chains, and the rules that lead to them, in one transaction. */
function removeChains(tools: Tools, family: Family, present: readonly string[]): void {
  if (present.length === 0) return
  const jumps = [...iptablesListAll(tools, family, entries)].flatMap(([entry, rules]) =>
    rules
      .filter((rule) => present.includes(rule[rule.indexOf('-j') + 1] ?? ''))
      .map((rule) => ['-D', entry, ...rule]),
  )
  const commands = [
    ...jumps,
    ...present.map((chain) => ['-F', chain]),
    ...present.map((chain) => ['-X', chain]),
  ]
  iptablesRestore(tools, family, { chains: [], commands })
}
