/**
 * Masquerading by nftables: the table, chains, rules and comments of the Go plugins, so that
 * either can remove what the other made.
 */
import { encodeJson } from '../../lib/cni/json.ts'
import type { Attachment } from '../../lib/cni/valid-attachments.ts'
import { family, formatCidr, formatIp, network, type Cidr } from '../../lib/net/ip.ts'
import { nftListChain, nftQuote, nftRun, type NftRule } from '../../lib/net/nft.ts'
import { sha512 } from '../../lib/sha512.ts'
import type { MasqueradeOwner } from './masquerade.ts'

const table = 'inet cni_plugins_masquerade'
const checks = 'masq_checks'

/** nft refuses longer ones, in bytes. */
const maxComment = 128

/** Adds the rules of an attachment in one transaction, in place of those that it has. */
export function setUp(owner: MasqueradeOwner, addresses: readonly Cidr[]): void {
  nftRun(setUpTransaction(owner, addresses, ownRules(owner)))
}

/** Removes the rules of an attachment; none is fine. */
export function tearDown(owner: MasqueradeOwner): void {
  removeRules(ownRules(owner))
}

/** Removes the rules of the network's attachments that are not valid. */
export function sweep(name: string, valid: readonly Attachment[]): void {
  const keep = valid.map((attachment) => ownerHash({ network: name, ...attachment }))
  const isStale = ({ comment }: NftRule) =>
    comment.startsWith(`${hash(name)}-`) && !keep.some((prefix) => comment.startsWith(prefix))
  removeRules(listRules().filter(isStale))
}

/** The addresses that no rule of the attachment masquerades. */
export function missing(owner: MasqueradeOwner, addresses: readonly Cidr[]): Cidr[] {
  const rules = ownRules(owner).map(({ expr }) => encodeJson(expr))
  return addresses.filter(
    ({ ip }) => !rules.some((rule) => rule.includes(encodeJson(formatIp(ip)))),
  )
}

/** What `setUp` runs; `old` are the rules to replace. */
export function setUpTransaction(
  owner: MasqueradeOwner,
  addresses: readonly Cidr[],
  old: readonly NftRule[],
): string {
  const comment = nftQuote(ownerComment(owner))
  return [
    `add table ${table} { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }`,
    `add chain ${table} ${checks} { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }`,
    `add chain ${table} postrouting { type nat hook postrouting priority 100 ; }`,
    `flush chain ${table} postrouting`,
    `add rule ${table} postrouting ip daddr == 224.0.0.0/4 return`,
    `add rule ${table} postrouting ip6 daddr == ff00::/8 return`,
    `add rule ${table} postrouting goto ${checks}`,
    ...old.map(deleteRule),
    ...addresses.map(
      (address) =>
        `add rule ${table} ${checks} ${matchLeaving(address)} masquerade comment ${comment}`,
    ),
    '',
  ].join('\n')
}

function matchLeaving(address: Cidr): string {
  const protocol = family(address.ip) === 4 ? 'ip' : 'ip6'
  const subnet = formatCidr(network(address))
  return `${protocol} saddr == ${formatIp(address.ip)} ${protocol} daddr != ${subnet}`
}

/** The comment by which an attachment's rules are found: hashes first, then names for people. */
export function ownerComment(owner: MasqueradeOwner): string {
  const [net, ifName, id] = [owner.network, owner.ifName, owner.containerId].map((text) =>
    text.replaceAll('"', ''),
  )
  const comment = `${ownerHash(owner)}, net: ${net}, if: ${ifName}, id: ${id}`
  return Buffer.from(comment).subarray(0, maxComment).toString()
}

/** The hashes of network and attachment. */
export function ownerHash(owner: MasqueradeOwner): string {
  return `${hash(owner.network)}-${hash(`${owner.ifName}:${owner.containerId}`)}`
}

function hash(text: string): string {
  return sha512(text).slice(0, 16)
}

function listRules(): NftRule[] {
  return nftListChain('inet', 'cni_plugins_masquerade', checks)
}

function ownRules(owner: MasqueradeOwner): NftRule[] {
  const prefix = ownerHash(owner)
  return listRules().filter(({ comment }) => comment.startsWith(prefix))
}

function removeRules(rules: readonly NftRule[]): void {
  if (rules.length > 0) nftRun(`${rules.map(deleteRule).join('\n')}\n`)
}

function deleteRule({ handle }: NftRule): string {
  return `delete rule ${table} ${checks} handle ${handle}`
}
