/** Rules as the backends list them. */
import { parseRule } from '../../lib/firewall/iptables-read.ts'
import { parseListing } from '../../lib/firewall/nft-json-read.ts'
import type { ListedRule } from '../../lib/firewall/rule.ts'

/** A rule that iptables lists with these words. */
export function listedByIptables(chain: string, words: readonly string[]): ListedRule {
  return { chain, rule: parseRule(words), key: words }
}

/** A rule that nft lists with these statements of libnftables-json(5). */
export function listedByNft(
  chain: string,
  expr: readonly unknown[],
  comment?: string,
  handle = 1,
): ListedRule {
  const rule = { chain, handle, expr, comment }
  const nftables = [{ chain: { name: chain } }, { rule }]
  const [listed] = parseListing(JSON.stringify({ nftables })).get(chain) ?? []
  if (listed === undefined) throw new Error(`no rule in ${JSON.stringify(rule)}`)
  return listed
}
