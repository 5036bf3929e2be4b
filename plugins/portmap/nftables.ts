/** The nftables backend. */
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import { nftListTable, type NftRule, nftRun } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import type { Family } from '../../lib/ip/ip.ts'
import type { Backend, Forwarding, Removal } from './forwarding.ts'
import { claimOf, containerOf, isFor, ruleText } from './nftables-listing.ts'
import {
  addCommand,
  containerRules,
  deleteCommand,
  entryRules,
  familyWord,
  structureCommands,
  table,
} from './nftables-rules.ts'

/** NFTNL_UDATA_COMMENT_MAXLEN of libnftnl's udata.h, in bytes. */
const maxComment = 128

export const nftables: Backend = {
  list(tools, family) {
    const rules = nftListTable(tools, familyWord[family], table)
    const containers = new Set(rules.flatMap((rule) => containerOf(rule) ?? []))
    return {
      owners: [...containers].map((containerId) => ({ containerId })),
      claims: rules.flatMap((rule) => claimOf(rule) ?? []),
      change: (removal, added) => change(tools, family, rules, removal, added),
      check: (forwarding) => check(family, rules, forwarding),
    }
  },
}

function change(
  tools: Tools,
  family: Family,
  rules: readonly NftRule[],
  removal: Removal,
  added: Forwarding | undefined,
): void {
  const commands = [
    ...(added === undefined ? [] : structureCommands(family, added)),
    ...rules.filter((rule) => isRemoved(rule, removal)).map((rule) => deleteCommand(family, rule)),
    ...(added === undefined ? [] : addCommands(family, added)),
  ]
  if (commands.length === 0) return
  const what =
    added === undefined
      ? 'error deleting nftables rules: '
      : 'unable to set up nftables rules for port mappings: '
  withPrefix(what, () => nftRun(tools, `${commands.join('\n')}\n`))
}

function isRemoved(rule: NftRule, { owners, keep }: Removal): boolean {
  const containerId = containerOf(rule)
  if (!owners.some((owner) => owner.containerId === containerId)) return false
  return !keep.some((ip) => isFor(ip, rule))
}

function addCommands(family: Family, added: Forwarding): string[] {
  const { containerId } = added.owner
  if (containerId.length > maxComment) {
    throw new CniError(
      ErrorCode.invalidEnvironment,
      `a container ID of ${containerId.length} characters does not fit in a comment of nftables`,
      `it can have ${maxComment} at most; the iptables backend takes longer ones`,
    )
  }
  return containerRules(family, added).map((rule) => addCommand(family, rule, containerId))
}

function check(family: Family, rules: readonly NftRule[], forwarding: Forwarding): void {
  const own = rules.filter((rule) => containerOf(rule) === forwarding.owner.containerId)
  for (const { chain, text } of containerRules(family, forwarding)) {
    if (own.some((rule) => rule.chain === chain && ruleText(rule) === text)) continue
    throw missing(`missing hostport rules in "${chain}" chain`, family, text)
  }
  // the words of conditions are the user's, and nft may print others
  for (const { chain, text } of entryRules([])) {
    if (rules.some((rule) => rule.chain === chain && ruleText(rule).endsWith(text))) continue
    throw missing(`missing rule in "${chain}" chain`, family, text)
  }
}

function missing(message: string, family: Family, text: string): CniError {
  return new CniError(
    ErrorCode.internal,
    message,
    `expected in table ${familyWord[family]} ${table}: ${text}`,
  )
}
