/**
 * Masquerading by iptables: the chains, rules and comments of the Go plugins, so that either can
 * remove what the other made. A chain is named by network and container: the interfaces that a
 * pod has on one network share it.
 */
import { sha512 } from '../../lib/base/sha512.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { iptables } from '../../lib/firewall/iptables.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasLegacyNat, hasRule } from '../../lib/firewall/rule-search.ts'
import {
  commentOf,
  destinationOf,
  isMasquerade,
  type ListedRule,
  type Rule,
  sourceOf,
  targetOf,
  verdictOf,
} from '../../lib/firewall/rule.ts'
import {
  addRules,
  type Change,
  deleteChains,
  deleteRules,
  emptyChains,
} from '../../lib/firewall/transaction.ts'
import { type Cidr, family, type Family, network, sameCidr } from '../../lib/ip/ip.ts'
import { multicast } from '../../lib/ip/well-known.ts'

const postrouting = 'POSTROUTING'

/** iptables refuses longer comments, in bytes. */
const maxComment = 255

/** Adds the rules of an attachment, in one transaction for each family. */
export function setUp(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): void {
  for (const each of [4, 6] as const) {
    const own = addresses.filter(({ ip }) => family(ip) === each)
    if (own.length === 0) continue
    const present = presentRules(tools, each, owner) ?? { chain: [], jumps: [] }
    change(tools, each, setUpChanges(each, owner, own, present))
  }
}

function change(tools: Tools, of: Family, changes: readonly Change[]): void {
  iptables(tools).apply([{ table: nat(of), changes }])
}

function nat(of: Family) {
  return { family: of, name: 'nat' }
}

/** The rules that an attachment's container has in a family. */
export interface Present {
  /** Those of its chain. */
  readonly chain: readonly ListedRule[]
  /** Those of POSTROUTING that lead there. */
  readonly jumps: readonly ListedRule[]
}

/** What is there of a container; undefined when it has no chain, to which nothing can lead then. */
function presentRules(tools: Tools, of: Family, owner: Attachment): Present | undefined {
  const chain = chainName(owner)
  // Most containers have none, which is known without a process.
  if (!hasChain({ family: of, table: 'nat', chain }) && !hasLegacyNat(of)) return undefined
  const listing = iptables(tools).list(nat(of), { chains: [chain, postrouting] })
  const rules = listing.get(chain)
  const jumps = (listing.get(postrouting) ?? []).filter(({ rule }) => targetOf(rule) === chain)
  return rules && { chain: rules, jumps }
}

/** What `setUp` changes in a family: afterwards each rule is there once. */
export function setUpChanges(
  of: Family,
  owner: Attachment,
  addresses: readonly Cidr[],
  present: Present,
): Change[] {
  const chain = chainName(owner)
  const comment = { comment: ownerComment(owner) }
  const inChain = (rule: Rule) => ({ chain, rule })
  const others = present.chain.filter(
    ({ rule }) => isAccept(rule) && !addresses.some((address) => isTo(rule, address)),
  )
  const stale = present.jumps.filter(({ rule }) => addresses.some((each) => isFrom(rule, each)))
  return [
    ...emptyChains([chain]),
    ...addRules([
      // What another interface of the pod has in the chain stays.
      ...others,
      ...addresses.map((cidr) => inChain([{ destination: cidr }, { verdict: 'accept' }, comment])),
      // Behind every ACCEPT, since nothing behind it is reached.
      inChain([
        { destination: multicast[of], op: '!=' },
        { masquerade: { fullyRandom: false } },
        comment,
      ]),
    ]),
    ...deleteRules(stale),
    ...addRules(
      addresses.map(({ ip }) => ({
        chain: postrouting,
        rule: [{ source: ip }, { jump: chain }, comment],
      })),
    ),
  ]
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
  if (present !== undefined) change(tools, of, tearDownChanges(owner, others, present))
}

/** What `tearDown` changes in a family. */
export function tearDownChanges(
  owner: Attachment,
  others: readonly Cidr[],
  { chain: rules, jumps }: Present,
): Change[] {
  const own = jumps.filter(({ rule }) => !others.some((address) => isFrom(rule, address)))
  if (own.length === jumps.length) return removal(jumps, [chainName(owner)])
  const accepts = rules.filter(
    ({ rule }) => isAccept(rule) && !others.some((address) => isTo(rule, address)),
  )
  return deleteRules([...own, ...accepts])
}

/** Removes the rules of the network's containers without a valid attachment from a family. */
export function sweep(tools: Tools, of: Family, name: string, valid: readonly Attachment[]): void {
  const comment = cut(`name: "${name}" id: `)
  if (!hasRule({ family: of, table: 'nat' }, comment) && !hasLegacyNat(of)) return
  const keep = new Set(valid.map(chainName))
  const listing = iptables(tools).list(nat(of), { chains: [postrouting] })
  const stale = (listing.get(postrouting) ?? []).flatMap((listed) => {
    const chain = targetOf(listed.rule) ?? ''
    const isOwn = /^CNI-[0-9a-f]{24}$/.test(chain) && commentOf(listed.rule).startsWith(comment)
    return isOwn && !keep.has(chain) ? [{ listed, chain }] : []
  })
  const jumps = stale.map(({ listed }) => listed)
  const chains = new Set(stale.map(({ chain }) => chain))
  if (stale.length > 0) change(tools, of, removal(jumps, [...chains]))
}

/** The addresses that are not masqueraded. */
export function missing(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): Cidr[] {
  const present = { 4: presentRules(tools, 4, owner), 6: presentRules(tools, 6, owner) }
  return addresses.filter((address) => {
    const { chain = [], jumps = [] } = present[family(address.ip)] ?? {}
    return !(
      jumps.some(({ rule }) => isFrom(rule, address)) &&
      chain.some(({ rule }) => isTo(rule, address)) &&
      chain.some(({ rule }) => isMasquerade(rule))
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

/** Removes chains with all that leads there; they have to be empty to be deleted. */
function removal(jumps: readonly ListedRule[], chains: readonly string[]): Change[] {
  return [...emptyChains(chains), ...deleteRules(jumps), ...deleteChains(chains)]
}

/** Whether a rule's source is the address; older plugins wrote its whole subnet. */
function isFrom(rule: Rule, { ip, prefix }: Cidr): boolean {
  const source = sourceOf(rule)
  if (source === undefined) return false
  const host = { ip, prefix: ip.bitSize }
  return sameCidr(source, host) || sameCidr(source, network({ ip, prefix }))
}

function isTo(rule: Rule, address: Cidr): boolean {
  const destination = destinationOf(rule)
  return destination !== undefined && sameCidr(destination, network(address))
}

function isAccept(rule: Rule): boolean {
  return verdictOf(rule) === 'accept'
}
