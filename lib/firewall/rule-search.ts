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
  generationMessage,
  NF_DROP,
  NFT_MSG_GETCHAIN,
  NFT_MSG_GETGEN,
  NFT_MSG_GETRULE,
  NFT_MSG_GETTABLE,
  ruleMessage,
  tableMessage,
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

/** Whether there is a table, maybe one without a chain. Throws a `NetlinkError`. */
export function hasTable({ family, table }: RulePlace): boolean {
  const payload = tableMessage.encode({ family: protocolFamily(family), name: table })
  const request = { operation: `list table ${table}`, type: NFT_MSG_GETTABLE, payload }
  return connected((list) => list(request)).length > 0
}

/** Whether there is a chain, maybe one without a rule. Throws a `NetlinkError`. */
export function hasChain(place: Required<RulePlace>): boolean {
  return findChain(place) !== undefined
}

/** Whether a chain is there and drops what none of its rules decides about. Throws as `hasChain`. */
export function dropsByPolicy(place: Required<RulePlace>): boolean {
  const chain = findChain(place)
  return chain !== undefined && chainMessage.decode(chain.payload).policy === NF_DROP
}

function findChain({ family, table, chain }: Required<RulePlace>): Message | undefined {
  const payload = chainMessage.encode({ family: protocolFamily(family), table, name: chain })
  const operation = `list chain ${chain} of table ${table}`
  return connected((list) => list({ operation, type: NFT_MSG_GETCHAIN, payload }))[0]
}

/**
 * A number that every change of nftables' and iptables-nft's rules makes another; undefined where
 * the kernel has no nftables. That of iptables-legacy's rules does not show. Throws a
 * `NetlinkError`.
 */
export function rulesGeneration(): number | undefined {
  const payload = generationMessage.encode({})
  const request = { operation: 'get the generation of rules', type: NFT_MSG_GETGEN, payload }
  const [message] = connected((list) => list(request))
  return message && generationMessage.decode(message.payload).id
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
  return hasLegacyTable(family, 'nat')
}

/** The same for any of its tables. */
export function hasLegacyTable(family: Family, table: string): boolean {
  try {
    return readFileSync(legacyTables[family], 'utf8').split('\n').includes(table)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}
