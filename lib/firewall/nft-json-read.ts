/**
 * Rules as nft lists them, read into data: libnftables-json(5), since only there a rule stands with
 * its handle in a form that is meant to be read. What is of no known kind stays as it is.
 */
import { DetailedError } from '../base/errors.ts'
import { isObject } from '../base/json.ts'
import { type Cidr, type Ip, parseIp } from '../ip/ip.ts'
import type { Listing } from './firewall.ts'
import { type ListedRule, protocols, type Statement, verdicts } from './rule.ts'

/** Reads what nft prints; throws a `DetailedError` for another form. */
export function parseListing(json: string): Listing {
  const document: unknown = JSON.parse(json)
  const objects = isObject(document) ? document['nftables'] : undefined
  if (!Array.isArray(objects)) throw unreadable(json)
  const listing = new Map<string, ListedRule[]>()
  for (const object of objects) {
    const name = member(member(object, 'chain'), 'name')
    if (typeof name === 'string') listing.set(name, [])
  }
  for (const object of objects) {
    const rule = member(object, 'rule')
    if (!isObject(rule)) continue
    const parsed = parseRule(rule)
    if (parsed === undefined) throw unreadable(json)
    listing.get(parsed.chain)?.push(parsed)
  }
  return listing
}

function parseRule({
  chain,
  handle,
  comment = '',
  expr,
}: Record<string, unknown>): ListedRule | undefined {
  const isKnown = typeof chain === 'string' && typeof handle === 'number'
  if (!isKnown || typeof comment !== 'string' || !Array.isArray(expr)) return undefined
  const statements = expr.map((each: unknown) => parseStatement(each) ?? { other: each })
  return { chain, key: handle, rule: comment === '' ? statements : [...statements, { comment }] }
}

function unreadable(json: string): DetailedError {
  return new DetailedError(
    'nft listed its rules in an unknown form',
    `expected the JSON of libnftables-json(5), found ${json.slice(0, 200)}`,
  )
}

function parseStatement(statement: unknown): Statement | undefined {
  if (!isObject(statement)) return undefined
  const verdict = verdicts.find((each) => each in statement)
  if (verdict !== undefined) return { verdict }
  if ('match' in statement) return parseMatch(statement['match'])
  const jump = member(statement['jump'], 'target')
  if (typeof jump === 'string') return { jump }
  const goto = member(statement['goto'], 'target')
  if (typeof goto === 'string') return { goto }
  if ('masquerade' in statement) return parseMasquerade(statement['masquerade'])
  if ('dnat' in statement) return parseDnat(statement['dnat'])
  return parseSetMark(statement['mangle'])
}

function parseMasquerade(masquerade: unknown): Statement | undefined {
  if (masquerade === null) return { masquerade: { fullyRandom: false } }
  const isOnly = isObject(masquerade) && Object.keys(masquerade).join() === 'flags'
  const flags = isOnly ? [masquerade['flags']].flat().join() : undefined
  return flags === 'fully-random' ? { masquerade: { fullyRandom: true } } : undefined
}

function parseDnat(dnat: unknown): Statement | undefined {
  const ip = parseHost(member(dnat, 'addr'))
  const port = member(dnat, 'port')
  return ip === undefined || typeof port !== 'number' ? undefined : { dnat: { ip, port } }
}

function parseSetMark(mangle: unknown): Statement | undefined {
  if (member(member(member(mangle, 'key'), 'meta'), 'key') !== 'mark') return undefined
  const bits = member(member(mangle, 'value'), '|')
  const setMark: unknown = Array.isArray(bits) ? bits[1] : undefined
  return typeof setMark === 'number' ? { setMark } : undefined
}

function parseMatch(match: unknown): Statement | undefined {
  const op = member(match, 'op')
  const left = member(match, 'left')
  const right = member(match, 'right')
  if (op !== '==' && op !== '!=') return undefined
  const payload = member(left, 'payload')
  const field = member(payload, 'field')
  const protocol = member(payload, 'protocol')
  const address = ['ip', 'ip6'].includes(String(protocol)) ? parseAddress(right) : undefined
  const comparison = op === '!=' ? ({ op } as const) : {}
  if (address !== undefined && field === 'saddr') return { source: address, ...comparison }
  if (address !== undefined && field === 'daddr') return { destination: address, ...comparison }
  if (op === '!=') return undefined
  if (protocol === 'ether' && field === 'saddr' && typeof right === 'string')
    return { sourceMac: right }
  if (field === 'dport') return parsePort(protocol, right)
  return parseMeta(left, right)
}

function parsePort(name: unknown, right: unknown): Statement | undefined {
  const protocol = protocols.find((each) => each === name)
  if (protocol === undefined) return undefined
  if (typeof right === 'number') return { protocol, port: right }
  const ports = member(right, 'set')
  if (!Array.isArray(ports)) return undefined
  const numbers = ports.filter((port) => typeof port === 'number')
  return numbers.length === ports.length ? { protocol, ports: numbers } : undefined
}

/** What is known of a packet beside its headers. */
function parseMeta(left: unknown, right: unknown): Statement | undefined {
  const key = member(member(left, 'meta'), 'key')
  if (key === 'iifname' && typeof right === 'string') return { inputInterface: right }
  // the highest bit alone is listed as the prefix that it is
  const { addr, len } = asRecord(member(right, 'prefix'))
  if (key === 'mark' && addr === 0x8000_0000 && len === 1) return { mark: addr }
  const masked = member(left, '&')
  const isMark = Array.isArray(masked) && member(member(masked[0], 'meta'), 'key') === 'mark'
  if (isMark && masked[1] === right && typeof right === 'number') return { mark: right }
  const { result, flags } = asRecord(member(left, 'fib'))
  const isDestination = result === 'type' && [flags].flat().join() === 'daddr'
  return isDestination && right === 'local' ? { destinationType: 'local' } : undefined
}

function parseAddress(value: unknown): Ip | Cidr | undefined {
  const prefix = member(value, 'prefix')
  if (prefix === undefined) return parseHost(value)
  const ip = parseHost(member(prefix, 'addr'))
  const length = member(prefix, 'len')
  return ip === undefined || typeof length !== 'number' ? undefined : { ip, prefix: length }
}

function parseHost(value: unknown): Ip | undefined {
  return typeof value === 'string' ? parseIp(value) : undefined
}

function member(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined
}

function asRecord(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {}
}
