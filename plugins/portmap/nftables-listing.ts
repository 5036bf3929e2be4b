/** What rules of the table of the nftables backend say, as nft lists them. */
import { isObject } from '../../lib/cni/json.ts'
import { formatIp, parseIp, type Ip } from '../../lib/net/ip.ts'
import type { NftRule } from '../../lib/net/nft.ts'
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
  const { expr } = rule
  const port = expr.map(comparison).find((found) => found?.field === 'dport')
  const protocol = findProtocol(port?.protocol)
  if (containerId === undefined || protocol === undefined) return undefined
  if (typeof port?.value !== 'number') return undefined
  const hostIp = destinationOf(rule)
  return { owner: { containerId }, protocol, hostPort: port.value, ...(hostIp && { hostIp }) }
}

/** The container's address in a rule of a container; undefined when it has none. */
export function targetOf(rule: NftRule): Ip | undefined {
  const dnat = rule.expr.map((statement) => member(statement, 'dnat')).find(isObject)
  return dnat === undefined ? destinationOf(rule) : addressOf(dnat['addr'])
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
  return isObject(statement) && 'masquerade' in statement ? 'masquerade' : localText(statement)
}

/** Whether the destination is an address of the node. */
function localText(statement: unknown): string {
  const match = member(statement, 'match')
  const fib = member(isObject(match) ? match['left'] : undefined, 'fib')
  const isLocal = isObject(match) && isObject(fib) && match['right'] === 'local'
  return isLocal ? `fib ${String(fib['flags'])} ${String(fib['result'])} local` : '(other)'
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
