/** The nftables backend. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import { type Listing, missingFrom, rulesOf } from '../../lib/firewall/firewall.ts'
import { ruleText, tableFamily } from '../../lib/firewall/nft-write.ts'
import { nftables } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { type ChainRule, endsLike, type ListedRule } from '../../lib/firewall/rule.ts'
import { addRules, type Change, deleteRules } from '../../lib/firewall/transaction.ts'
import type { Family } from '../../lib/ip/ip.ts'
import type { Backend, Forwarding, Removal } from './forwarding.ts'
import { claimOf, containerOf, isFor } from './nftables-listing.ts'
import { containerRules, entryRules, structureChanges, tableName } from './nftables-rules.ts'

/** NFTNL_UDATA_COMMENT_MAXLEN of libnftnl's udata.h, in bytes. */
const maxComment = 128

export const nftablesBackend: Backend = {
  list(tools, family) {
    const listing = nftables(tools).list(table(family))
    const rules = rulesOf(listing)
    const containers = new Set(rules.flatMap((rule) => containerOf(rule) ?? []))
    return {
      owners: [...containers].map((containerId) => ({ containerId })),
      claims: rules.flatMap((rule) => claimOf(rule) ?? []),
      change: (removal, added) => change(tools, family, rules, removal, added),
      check: (forwarding) => check(family, listing, forwarding),
    }
  },
}

function table(family: Family) {
  return { family, name: tableName }
}

function change(
  tools: Tools,
  family: Family,
  rules: readonly ListedRule[],
  removal: Removal,
  added: Forwarding | undefined,
): void {
  const changes: Change[] = [
    ...(added === undefined ? [] : structureChanges(family, added)),
    ...deleteRules(rules.filter((rule) => isRemoved(rule, removal))),
    ...(added === undefined ? [] : additions(family, added)),
  ]
  if (changes.length === 0) return
  const what =
    added === undefined
      ? 'error deleting nftables rules: '
      : 'unable to set up nftables rules for port mappings: '
  withPrefix(what, () => nftables(tools).apply([{ table: table(family), changes }]))
}

function isRemoved(rule: ListedRule, { owners, keep }: Removal): boolean {
  const containerId = containerOf(rule)
  if (!owners.some((owner) => owner.containerId === containerId)) return false
  return !keep.some((ip) => isFor(ip, rule))
}

function additions(family: Family, added: Forwarding): Change[] {
  const { containerId } = added.owner
  if (containerId.length > maxComment) {
    throw new CniError(
      ErrorCode.invalidEnvironment,
      `a container ID of ${containerId.length} characters does not fit in a comment of nftables`,
      `it can have ${maxComment} at most; the iptables backend takes longer ones`,
    )
  }
  return addRules(containerRules(family, added))
}

function check(family: Family, listing: Listing, forwarding: Forwarding): void {
  const own = missingFrom(listing, containerRules(family, forwarding))
  if (own !== undefined) throw missing('hostport rules', family, own)
  // the words of conditions are the user's, and nft may print others
  const entry = entryRules([]).find(
    ({ chain, rule }) => !listing.get(chain)?.some((listed) => endsLike(listed.rule, rule)),
  )
  if (entry !== undefined) throw missing('rule', family, entry)
}

function missing(what: string, family: Family, { chain, rule }: ChainRule): CniError {
  const withoutComment = rule.filter((each) => !('comment' in each))
  return new CniError(
    ErrorCode.internal,
    `missing ${what} in "${chain}" chain`,
    `expected in table ${tableFamily(table(family))} ${tableName}: ${ruleText(withoutComment)}`,
  )
}
