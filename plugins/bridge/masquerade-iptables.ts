/**
 * Masquerading by iptables: the chains, rules and comments of the Go plugins, so that either can
 * remove what the other made. A chain is named by network and container: the interfaces that a
 * pod has on one network share it.
 */
import { sha512 } from '../../lib/base/sha512.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import {
  type Changes,
  iptablesList,
  iptablesListAll,
  iptablesRestore,
  type Rule,
} from '../../lib/firewall/iptables.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasLegacyNat, hasRule } from '../../lib/firewall/rule-search.ts'
import { type Cidr, family, type Family, formatCidr, formatIp, network } from '../../lib/ip/ip.ts'

const postrouting = 'POSTROUTING'
const multicast: Readonly<Record<Family, string>> = { 4: '224.0.0.0/4', 6: 'ff00::/8' }

/** iptables refuses longer comments, in bytes. */
const maxComment = 255

/** Adds the rules of an attachment, in one transaction for each family. */
export function setUp(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): void {
  for (const each of [4, 6] as const) {
    const own = addresses.filter(({ ip }) => family(ip) === each)
    if (own.length === 0) continue
    const present = presentRules(tools, each, owner) ?? { chain: [], jumps: [] }
    iptablesRestore(tools, each, setUpChanges(each, owner, own, present))
  }
}

/** The rules that an attachment's container has in a family. */
export interface Present {
  /** Those of its chain. */
  readonly chain: readonly Rule[]
  /** Those of POSTROUTING that lead there. */
  readonly jumps: readonly Rule[]
}

/** What is there of a container; undefined when it has no chain, to which nothing can lead then. */
function presentRules(tools: Tools, of: Family, owner: Attachment): Present | undefined {
  const chain = chainName(owner)
  // Most containers have none, which is known without a process.
  if (!hasChain({ family: of, table: 'nat', chain }) && !hasLegacyNat(of)) return undefined
  const lists = iptablesListAll(tools, of, [chain, postrouting])
  const rules = lists.get(chain)
  const jumps = (lists.get(postrouting) ?? []).filter((rule) => targetOf(rule) === chain)
  return rules && { chain: rules, jumps }
}

/** What `setUp` changes in a family: afterwards each rule is there once. */
export function setUpChanges(
  of: Family,
  owner: Attachment,
  addresses: readonly Cidr[],
  present: Present,
): Changes {
  const chain = chainName(owner)
  const about = ['-m', 'comment', '--comment', ownerComment(owner)]
  const accepted = present.chain.filter((rule) => targetOf(rule) === 'ACCEPT')
  const others = accepted.filter((rule) => !addresses.some((address) => isTo(rule, address)))
  const stale = present.jumps.filter((rule) => addresses.some((address) => isFrom(rule, address)))
  return {
    chains: [chain],
    commands: [
      // What another interface of the pod has in the chain stays.
      ...others.map((rule) => ['-A', chain, ...rule]),
      ...addresses.map((cidr) => ['-A', chain, '-d', formatCidr(cidr), '-j', 'ACCEPT', ...about]),
      // Behind every ACCEPT, since nothing behind it is reached.
      ['-A', chain, '!', '-d', multicast[of], '-j', 'MASQUERADE', ...about],
      ...stale.map((rule) => ['-D', postrouting, ...rule]),
      ...addresses.map(({ ip }) => ['-A', postrouting, '-s', formatIp(ip), '-j', chain, ...about]),
    ],
  }
}

/**
 * Removes the rules of an attachment from a family; none is fine. `others` are the addresses that
 * its container's other interfaces have.
 */
export function tearDown(
  tools: Tools,
  of: Family,
  owner: Attachment,
  others: readonly Cidr[],
): void {
  const present = presentRules(tools, of, owner)
  if (present !== undefined) iptablesRestore(tools, of, tearDownChanges(owner, others, present))
}

/** What `tearDown` changes in a family. */
export function tearDownChanges(
  owner: Attachment,
  others: readonly Cidr[],
  { chain: rules, jumps }: Present,
): Changes {
  const chain = chainName(owner)
  const own = jumps.filter((rule) => !others.some((address) => isFrom(rule, address)))
  if (own.length === jumps.length) return removal(jumps, [chain])
  const accepts = rules.filter(
    (rule) => targetOf(rule) === 'ACCEPT' && !others.some((address) => isTo(rule, address)),
  )
  return {
    chains: [],
    commands: [
      ...own.map((rule) => ['-D', postrouting, ...rule]),
      ...accepts.map((rule) => ['-D', chain, ...rule]),
    ],
  }
}

/** Removes the rules of the network's containers without a valid attachment from a family. */
export function sweep(tools: Tools, of: Family, name: string, valid: readonly Attachment[]): void {
  const comment = cut(`name: "${name}" id: `)
  if (!hasRule({ family: of, table: 'nat' }, comment) && !hasLegacyNat(of)) return
  const keep = new Set(valid.map(chainName))
  const stale = (iptablesList(tools, of, postrouting) ?? []).filter(
    (rule) =>
      /^CNI-[0-9a-f]{24}$/.test(targetOf(rule)) &&
      !keep.has(targetOf(rule)) &&
      valueOf(rule, '--comment').startsWith(comment),
  )
  const chains = new Set(stale.map(targetOf))
  if (stale.length > 0) iptablesRestore(tools, of, removal(stale, [...chains]))
}

/** The addresses that are not masqueraded. */
export function missing(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): Cidr[] {
  const present = { 4: presentRules(tools, 4, owner), 6: presentRules(tools, 6, owner) }
  return addresses.filter((address) => {
    const { chain = [], jumps = [] } = present[family(address.ip)] ?? {}
    return !(
      jumps.some((rule) => isFrom(rule, address)) &&
      chain.some((rule) => isTo(rule, address)) &&
      chain.some((rule) => targetOf(rule) === 'MASQUERADE')
    )
  })
}

/** The chain of a container on a network. */
export function chainName({ network: name, containerId }: Attachment): string {
  return `CNI-${sha512(name + containerId).slice(0, 24)}`
}

/** The comment of its rules. */
export function ownerComment({ network: name, containerId }: Attachment): string {
  return cut(`name: "${name}" id: "${containerId}"`)
}

/** Names of networks and containers are ASCII: bytes are characters. */
function cut(comment: string): string {
  return comment.slice(0, maxComment)
}

/** Naming a chain empties it, which it has to be to be deleted. */
function removal(jumps: readonly Rule[], chains: readonly string[]): Changes {
  const commands = [
    ...jumps.map((rule) => ['-D', postrouting, ...rule]),
    ...chains.map((chain) => ['-X', chain]),
  ]
  return { chains, commands }
}

/** Whether a rule's source is the address; older plugins wrote its whole subnet. */
function isFrom(rule: Rule, { ip, prefix }: Cidr): boolean {
  const source = valueOf(rule, '-s')
  const host = formatCidr({ ip, prefix: ip.bitSize })
  return source === host || source === formatCidr(network({ ip, prefix }))
}

function isTo(rule: Rule, address: Cidr): boolean {
  return valueOf(rule, '-d') === formatCidr(network(address))
}

function targetOf(rule: Rule): string {
  return valueOf(rule, '-j')
}

/** What stands behind an option of a rule; empty when it is not there. */
function valueOf(rule: Rule, option: string): string {
  const index = rule.indexOf(option)
  return index < 0 ? '' : (rule[index + 1] ?? '')
}
