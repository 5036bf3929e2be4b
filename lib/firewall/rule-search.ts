/**
 * Looks for rules and chains in the kernel by netlink, without starting nft or iptables: most containers
 * have no rule, and should not pay for being asked about.
 */
import { readFileSync } from 'node:fs'
import { hasCode } from '../base/errors.ts'
import type { Family } from '../ip/ip.ts'
import { addressFamily } from '../netlink/address-family.ts'
import { Connection, type Request } from '../netlink/connection.ts'
import { type Message, NLM_F_DUMP } from '../netlink/message.ts'
import { NETLINK_NETFILTER } from '../netlink/netfilter.ts'
import {
  chainMessage,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETRULE,
  ruleMessage,
} from '../netlink/nftables.ts'

/** A table of nftables; iptables-nft has its tables there too, by their names and families. */
export interface RulePlace {
  readonly family: Family | 'inet' | 'bridge'
  readonly table: string
  /** Absent: every chain of the table. */
  readonly chain?: string
}

/**
 * The rules of each place in their encoded form, in which names and comments can be found. There
 * are none where there is no such table or chain, and where the kernel has no nftables. Throws a
 * `NetlinkError`.
 */
export function encodedRules(places: readonly RulePlace[]): Buffer[][] {
  return connected((list) =>
    places.map(({ family, table, chain }) => {
      const messages = list({
        operation: `list rules of table ${table}`,
        type: NFT_MSG_GETRULE,
        flags: NLM_F_DUMP,
        payload: ruleMessage.encode({ family: protocolFamily(family), table, chain }),
      })
      return messages.map(({ payload }) => Buffer.from(payload))
    }),
  )
}

/** Whether there is a rule whose encoded form holds `text`; throws as `encodedRules` does. */
export function hasRule(place: RulePlace, text: string): boolean {
  return encodedRules([place]).some((rules) => rules.some((rule) => rule.includes(text)))
}

/** Whether there is a chain, maybe one without a rule. Throws a `NetlinkError`. */
export function hasChain({ family, table, chain }: Required<RulePlace>): boolean {
  const payload = chainMessage.encode({ family: protocolFamily(family), table, name: chain })
  const operation = `list chain ${chain} of table ${table}`
  return connected((list) => list({ operation, type: NFT_MSG_GETCHAIN, payload })).length > 0
}

type List = (request: Request) => Message[]

/** Does work by one connection, whose answers are empty where there is nothing to list. */
function connected<T>(work: (list: List) => T): T {
  const connection = openIfThere()
  try {
    return work((request) => answers(connection, request))
  } finally {
    connection?.[Symbol.dispose]()
  }
}

function openIfThere(): Connection | undefined {
  try {
    return Connection.open(NETLINK_NETFILTER)
  } catch (error) {
    if (hasCode(error, 'EPROTONOSUPPORT')) return undefined // no netfilter in the kernel
    throw error
  }
}

function answers(connection: Connection | undefined, request: Request): Message[] {
  try {
    return connection?.execute(request) ?? []
  } catch (error) {
    // no nftables in it; no such chain, where the kernel says so; a name too long
    if (hasCode(error, 'EPROTONOSUPPORT', 'EINVAL', 'ENOENT', 'ERANGE')) return []
    throw error
  }
}

// linux/netfilter.h: NFPROTO_*; the others are those of addresses
const protocols = { inet: 1, bridge: 7 } as const

function protocolFamily(family: RulePlace['family']): number {
  return family === 4 || family === 6 ? addressFamily(family) : protocols[family]
}

const legacyTables = { 4: '/proc/net/ip_tables_names', 6: '/proc/net/ip6_tables_names' } as const

/** Whether table nat of iptables-legacy exists, whose rules netlink does not show. */
export function hasLegacyNat(family: Family): boolean {
  try {
    return readFileSync(legacyTables[family], 'utf8').split('\n').includes('nat')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}
