/** What rules of the table of the nftables backend say, as nft lists them. */
import { isObject } from '../../lib/base/json.ts'
import type { NftRule } from '../../lib/firewall/nft.ts'
import { contains, formatIp, type Ip, parseCidr, parseIp, sameIp } from '../../lib/ip/ip.ts'
import type { Claim } from './forwarding.ts'
import { findProtocol, formatTarget } from './mapping.ts'

/** The container that a rule is of; undefined when it is of no container. */
export function containerOf({ chain, comment }: NftRule): string | undefined {
  const owned = ['hostports', 'hostip_hostports', 'masquerading'].includes(chain)
  return owned && comment !== '' ? comment : undefined
}

/** What a rule claims; undefined when it forwards no port. */
export function claimOf(rule: NftRule): Claim | undefined {
  const containerId = containerOf(rule)
  const port = rule.expr.map(comparison).find((found) => found?.field === 'dport')
  const protocol = findProtocol(port?.protocol)
  if (containerId === undefined || protocol === undefined) return undefined
  if (dnatOf(rule) === undefined || typeof port?.value !== 'number') return undefined
  const hostIp = destinationOf(rule)
  return { owner: { containerId }, protocol, hostPort: port.value, ...(hostIp && { hostIp }) }
}

/**
 * Whether a rule of a container is for this address of it: the rule leads there, or is about the
 * subnet of the address.
 */
export function isFor(ip: Ip, rule: NftRule): boolean {
  const target =
    rule.chain === 'masquerading' ? destinationOf(rule) : addressOf(dnatOf(rule)?.['addr'])
  if (target !== undefined) return sameIp(target, ip)
  const source = rule.expr.map(comparison).find((found) => found?.field === 'saddr')
  const subnet = source && parseCidr(valueText(source.value))
  return subnet !== undefined && contains(subnet, ip)
}

function dnatOf({ expr }: NftRule) {
  return expr.map((statement) => member(statement, 'dnat')).find(isObject)
}

function destinationOf({ expr }: NftRule): Ip | undefined {
  return addressOf(expr.map(comparison).find((found) => found?.field === 'daddr')?.value)
}

/** A rule in nft's language, as far as it is of a kind that this plugin makes. */
export function ruleText({ expr }: NftRule): string {
  return expr.map(statementText).join(' ')
}

function statementText(statement: unknown): string {
  const found = comparison(statement)
  if (found !== undefined) return `${found.protocol} ${found.field} ${valueText(found.value)}`
  const jump = member(statement, 'jump')
  if (isObject(jump)) return `jump ${String(jump['target'])}`
  const dnat = member(statement, 'dnat')
  const to = isObject(dnat) ? addressOf(dnat['addr']) : undefined
  if (isObject(dnat) && to !== undefined) return `dnat to ${formatTarget(to, Number(dnat['port']))}`
  if (isObject(statement) && 'masquerade' in statement) return 'masquerade'
  return localText(statement) ?? markText(statement) ?? '(other)'
}

/** Whether the destination is an address of the node. */
function localText(statement: unknown): string | undefined {
  const match = member(statement, 'match')
  const fib = member(member(match, 'left'), 'fib')
  if (!isObject(fib) || member(match, 'right') !== 'local') return undefined
  return `fib ${String(fib['flags'])} ${String(fib['result'])} local`
}

/** A bit of the packet's mark, set or compared with. */
function markText(statement: unknown): string | undefined {
  const set = member(member(member(statement, 'mangle'), 'value'), '|')
  if (Array.isArray(set)) return `meta mark set meta mark | ${hex(set[1])}`
  const match = member(statement, 'match')
  const right = member(match, 'right')
  // the highest bit alone is listed as the prefix that it is
  if (isObject(member(right, 'prefix'))) return 'meta mark & 0x80000000 == 0x80000000'
  const masked = member(member(match, 'left'), '&')
  return Array.isArray(masked) ? `meta mark & ${hex(masked[1])} == ${hex(right)}` : undefined
}

function hex(value: unknown): string {
  return `0x${Number(value).toString(16)}`
}

function valueText(value: unknown): string {
  const prefix = member(value, 'prefix')
  if (isObject(prefix)) return `${valueText(prefix['addr'])}/${String(prefix['len'])}`
  const ip = addressOf(value)
  return ip === undefined ? String(value) : formatIp(ip)
}

/** A statement that compares a field of a header (libnftables-json(5), "match" and "payload"). */
function comparison(statement: unknown) {
  const match = member(statement, 'match')
  if (!isObject(match) || match['op'] !== '==') return undefined
  const payload = member(match['left'], 'payload')
  if (!isObject(payload)) return undefined
  const { protocol, field } = payload
  if (typeof protocol !== 'string' || typeof field !== 'string') return undefined
  return { protocol, field, value: match['right'] }
}

function member(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined
}

function addressOf(value: unknown): Ip | undefined {
  return typeof value === 'string' ? parseIp(value) : undefined
}
