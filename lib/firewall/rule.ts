/**
 * A rule of the packet filter as data: what nft and iptables are told, and what they list, in one
 * form. Addresses say themselves which family a rule is of.
 */
import { type Cidr, family, formatCidr, formatIp, type Ip, network } from '../ip/ip.ts'

/** Some of this stands in every rule; the order is the one in which it is written. */
export type Rule = readonly Statement[]

export type Statement = Match | Action | Comment

/** Says to which packets the rule applies: those that fit all of its matches. */
export type Match =
  | ({ readonly source: Address } & Comparison)
  | ({ readonly destination: Address } & Comparison)
  /** The destination is an address of the node itself. */
  | { readonly destinationType: 'local' }
  | { readonly protocol: Protocol; readonly port: number }
  /** One of several destination ports: 15 at most for iptables. */
  | { readonly protocol: Protocol; readonly ports: readonly number[] }
  /** All of these bits are set in the mark that the kernel keeps for a packet. */
  | { readonly mark: number }
  | { readonly sourceMac: string }
  | { readonly inputInterface: string }
  /** Anything else, in the words of the backend: a user's own conditions, or what iptables lists. */
  | { readonly words: readonly string[] }
  /** Anything else that nft lists, as libnftables-json(5) has it. */
  | { readonly other: unknown }

/** Says what becomes of them. */
export type Action =
  | { readonly verdict: Verdict }
  /** On to a chain, and back when it comes to no verdict. */
  | { readonly jump: string }
  /** On to a chain, and not back. */
  | { readonly goto: string }
  | { readonly dnat: { readonly ip: Ip; readonly port: number } }
  | { readonly masquerade: { readonly fullyRandom: boolean } }
  /** Sets these bits of the packet's mark, and goes on. */
  | { readonly setMark: number }

export interface Comment {
  readonly comment: string
}

/** An address of a host, or of all in a subnet; host bits are kept as given. */
export type Address = Ip | Cidr

/** How a match compares: nft's language may leave out that it is for equality. */
export interface Comparison {
  readonly op?: '==' | '!='
}

export const protocols = ['tcp', 'udp', 'sctp'] as const
export type Protocol = (typeof protocols)[number]
export const verdicts = ['accept', 'drop', 'return'] as const
export type Verdict = (typeof verdicts)[number]

/** A rule and the chain it is in, or is to be in. */
export interface ChainRule {
  readonly chain: string
  readonly rule: Rule
}

/** A rule that the backend has listed. */
export interface ListedRule extends ChainRule {
  /** What the backend deletes it by: nft's handle, or the words by which iptables lists it. */
  readonly key: number | readonly string[]
}

/** The text of a rule's comment; empty when it has none. */
export function commentOf(rule: Rule): string {
  return rule.flatMap((each) => ('comment' in each ? each.comment : [])).join('')
}

/** The chain that a rule leads to; undefined when it leads to none. */
export function targetOf(rule: Rule): string | undefined {
  for (const each of rule) {
    if ('jump' in each) return each.jump
    if ('goto' in each) return each.goto
  }
  return undefined
}

/** The verdict of a rule; undefined when it comes to none. */
export function verdictOf(rule: Rule): Verdict | undefined {
  const [verdict] = rule.flatMap((each) => ('verdict' in each ? each.verdict : []))
  return verdict
}

export function isMasquerade(rule: Rule): boolean {
  return rule.some((each) => 'masquerade' in each)
}

/** The source that a rule asks for, as a subnet; undefined when it asks for none. */
export function sourceOf(rule: Rule): Cidr | undefined {
  const [source] = rule.flatMap((each) => ('source' in each && each.op !== '!=' ? each.source : []))
  return source && toCidr(source)
}

/** The same for the destination. */
export function destinationOf(rule: Rule): Cidr | undefined {
  const [destination] = rule.flatMap((each) =>
    'destination' in each && each.op !== '!=' ? each.destination : [],
  )
  return destination && toCidr(destination)
}

/** Whether two rules do the same, however a backend has written one of them. */
export function sameRule(a: Rule, b: Rule): boolean {
  return ruleKey(a) === ruleKey(b)
}

/** Whether a rule ends with what another one does, whatever it asks for before. */
export function endsLike(rule: Rule, end: Rule): boolean {
  return sameRule(rule.slice(-end.length), end)
}

/**
 * A text that rules have in common which do the same. The order of matches says nothing; that of
 * actions does.
 */
export function ruleKey(rule: Rule): string {
  const matches = rule.filter((each) => !isAction(each)).map(statementKey)
  const actions = rule.filter(isAction).map(statementKey)
  return [...matches.sort(), ...actions].join('\n')
}

function isAction(statement: Statement): statement is Action {
  return ['verdict', 'jump', 'goto', 'dnat', 'masquerade', 'setMark'].some(
    (kind) => kind in statement,
  )
}

function statementKey(statement: Statement): string {
  const negation = 'op' in statement && statement.op === '!=' ? 'not ' : ''
  if ('source' in statement) return `${negation}from ${subnetText(statement.source)}`
  if ('destination' in statement) return `${negation}to ${subnetText(statement.destination)}`
  if ('protocol' in statement) {
    const ports = 'port' in statement ? [statement.port] : statement.ports.toSorted((a, b) => a - b)
    return `${statement.protocol} ${ports.join()}`
  }
  if ('dnat' in statement) return `dnat ${formatTarget(statement.dnat)}`
  if ('sourceMac' in statement) return `mac ${statement.sourceMac.toLowerCase()}`
  if ('words' in statement) return statement.words.join(' ')
  return JSON.stringify(statement)
}

function subnetText(address: Address): string {
  return formatCidr(network(toCidr(address)))
}

function toCidr(address: Address): Cidr {
  return 'prefix' in address ? address : { ip: address, prefix: address.bitSize }
}

/** `10.1.2.3` for a host, and `10.1.2.3/24` for what has a prefix. */
export function formatAddress(address: Address): string {
  return 'prefix' in address ? formatCidr(address) : formatIp(address)
}

/** The family of an address. */
export function addressFamily(address: Address): 4 | 6 {
  return family('prefix' in address ? address.ip : address)
}

/** `10.0.0.2:80`, or `[2001:db8::2]:80`. */
export function formatTarget({ ip, port }: { readonly ip: Ip; readonly port: number }): string {
  return family(ip) === 4 ? `${formatIp(ip)}:${port}` : `[${formatIp(ip)}]:${port}`
}

/** A mark as both backends are told it: `0x2000`. */
export function formatMark(bits: number): string {
  return `0x${bits.toString(16)}`
}
