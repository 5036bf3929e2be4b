/**
 * Masquerading by iptables: the chains, rules and comments of the Go plugins, so that either can
 * remove what the other made. A chain is named by network and container: the interfaces that a
 * pod has on one network share it.
 */
import type { Attachment } from '../../lib/cni/valid-attachments.ts'
import { family, formatCidr, formatIp, network, type Cidr, type Family } from '../../lib/net/ip.ts'
import { iptablesList, iptablesRestore, type Changes, type Rule } from '../../lib/net/iptables.ts'
import { sha512 } from '../../lib/sha512.ts'
import type { MasqueradeOwner } from './masquerade.ts'

const postrouting = 'POSTROUTING'
const multicast: Readonly<Record<Family, string>> = { 4: '224.0.0.0/4', 6: 'ff00::/8' }

/** iptables refuses longer comments, in bytes. */
const maxComment = 255

/** Adds the rules of an attachment, in one transaction for each family. */
export function setUp(owner: MasqueradeOwner, addresses: readonly Cidr[]): void {
  for (const each of [4, 6] as const) {
    const own = addresses.filter(({ ip }) => family(ip) === each)
    if (own.length === 0) continue
    const present = {
      chain: iptablesList(each, chainName(owner)) ?? [],
      jumps: jumpsTo(each, owner),
    }
    iptablesRestore(each, setUpChanges(each, owner, own, present))
  }
}

/** The rules that an attachment's container has in a family. */
export interface Present {
  /** Those of its chain. */
  readonly chain: readonly Rule[]
  /** Those of POSTROUTING that lead there. */
  readonly jumps: readonly Rule[]
}

/** What `setUp` changes in a family: afterwards each rule is there once. */
export function setUpChanges(
  of: Family,
  owner: MasqueradeOwner,
  addresses: readonly Cidr[],
  present: Present,
): Changes {
  const chain = chainName(owner)
  const about = ['-m', 'comment', '--comment', ownerComment(owner)]
  const accepted = present.chain.filter((rule) => rule.includes('ACCEPT'))
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
 * Removes the rules of an attachment from a family; none is fine. Without its addresses all rules
 * of its container on the network go.
 */
export function tearDown(
  of: Family,
  owner: MasqueradeOwner,
  addresses: readonly Cidr[] | undefined,
): void {
  const jumps = jumpsTo(of, owner)
  const own = jumps.filter(
    (rule) => addresses === undefined || addresses.some((address) => isFrom(rule, address)),
  )
  // Another interface of the pod still needs the chain.
  const chains = own.length < jumps.length ? [] : [chainName(owner)]
  removeRules(of, own, chains)
}

/** Removes the rules of the network's containers without a valid attachment from a family. */
export function sweep(of: Family, name: string, valid: readonly Attachment[]): void {
  const keep = new Set(valid.map((each) => chainName({ network: name, ...each })))
  const stale = (iptablesList(of, postrouting) ?? []).filter(
    (rule) =>
      /^CNI-[0-9a-f]{24}$/.test(targetOf(rule)) &&
      !keep.has(targetOf(rule)) &&
      valueOf(rule, '--comment').startsWith(`name: "${name}" id: `),
  )
  removeRules(of, stale, [...new Set(stale.map(targetOf))])
}

/** The addresses that no rule masquerades. */
export function missing(owner: MasqueradeOwner, addresses: readonly Cidr[]): Cidr[] {
  return addresses.filter((address) => {
    const of = family(address.ip)
    const chain = iptablesList(of, chainName(owner)) ?? []
    const masquerades = chain.some((rule) => rule.includes('MASQUERADE'))
    return !masquerades || !jumpsTo(of, owner).some((rule) => isFrom(rule, address))
  })
}

/** The chain of a container on a network. */
export function chainName({ network: name, containerId }: MasqueradeOwner): string {
  return `CNI-${sha512(name + containerId).slice(0, 24)}`
}

/** The comment of its rules. */
export function ownerComment({ network: name, containerId }: MasqueradeOwner): string {
  const comment = `name: "${name}" id: "${containerId}"`
  return Buffer.from(comment).subarray(0, maxComment).toString()
}

function removeRules(of: Family, jumps: readonly Rule[], chains: readonly string[]): void {
  const present = chains.filter((chain) => iptablesList(of, chain) !== undefined)
  if (jumps.length === 0 && present.length === 0) return
  const commands = [
    ...jumps.map((rule) => ['-D', postrouting, ...rule]),
    ...present.map((chain) => ['-F', chain]),
    ...present.map((chain) => ['-X', chain]),
  ]
  iptablesRestore(of, { chains: [], commands })
}

function jumpsTo(of: Family, owner: MasqueradeOwner): Rule[] {
  const chain = chainName(owner)
  return (iptablesList(of, postrouting) ?? []).filter((rule) => targetOf(rule) === chain)
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
