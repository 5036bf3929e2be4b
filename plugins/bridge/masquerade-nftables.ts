/**
 * Masquerading by nftables: the table, chains, rules and comments of the Go plugins, so that
 * either can remove what the other made.
 */
import { encodeJson } from '../../lib/base/json.ts'
import { sha512 } from '../../lib/base/sha512.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { nftListChain, nftQuote, type NftRule, nftRun } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasRule } from '../../lib/firewall/rule-search.ts'
import { type Cidr, family, formatCidr, formatIp, network } from '../../lib/ip/ip.ts'

export const tableName = 'cni_plugins_masquerade'
const table = `inet ${tableName}`
const checks = 'masq_checks'
const postrouting = 'postrouting'

/** nft refuses longer ones, in bytes. */
const maxComment = 128

/** Adds the rules of an attachment in one transaction, in place of those that it has. */
export function setUp(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): void {
  nftRun(tools, setUpTransaction(owner, addresses, rulesOf(tools, ownerHash(owner))))
}

/** Removes the rules of an attachment; none is fine. */
export function tearDown(tools: Tools, owner: Attachment): void {
  removeRules(tools, rulesOf(tools, ownerHash(owner)))
}

/** Removes the rules of the network's attachments that are not valid. */
export function sweep(tools: Tools, name: string, valid: readonly Attachment[]): void {
  const keep = valid.map(ownerHash)
  const isStale = ({ comment }: NftRule) => !keep.some((prefix) => comment.startsWith(prefix))
  removeRules(tools, rulesOf(tools, `${hash(name)}-`).filter(isStale))
}

/** The addresses that are not masqueraded. */
export function missing(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): Cidr[] {
  const rules = rulesOf(tools, ownerHash(owner)).map(({ expr }) => encodeJson(expr))
  if (rules.length === 0 || !isEntered(tools)) return [...addresses]
  return addresses.filter(
    ({ ip }) => !rules.some((rule) => rule.includes(encodeJson(formatIp(ip)))),
  )
}

/** Whether packets get to the rules. */
function isEntered(tools: Tools): boolean {
  const goto = encodeJson({ goto: { target: checks } })
  const entries = nftListChain(tools, 'inet', tableName, postrouting)
  return entries.some(({ expr }) => encodeJson(expr).includes(goto))
}

/** What `setUp` runs; `old` are the rules to replace. */
export function setUpTransaction(
  owner: Attachment,
  addresses: readonly Cidr[],
  old: readonly NftRule[],
): string {
  const comment = nftQuote(ownerComment(owner))
  return [
    `add table ${table} { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }`,
    `add chain ${table} ${checks} { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }`,
    `add chain ${table} ${postrouting} { type nat hook postrouting priority 100 ; }`,
    `flush chain ${table} ${postrouting}`,
    `add rule ${table} ${postrouting} ip daddr == 224.0.0.0/4 return`,
    `add rule ${table} ${postrouting} ip6 daddr == ff00::/8 return`,
    `add rule ${table} ${postrouting} goto ${checks}`,
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
export function ownerComment(owner: Attachment): string {
  const [net, ifName, id] = [owner.network, owner.ifName, owner.containerId].map((text) =>
    text.replaceAll('"', ''),
  )
  const comment = `${ownerHash(owner)}, net: ${net}, if: ${ifName}, id: ${id}`
  // A character that is cut in two is left out.
  return Buffer.from(comment)
    .subarray(0, maxComment)
    .toString()
    .replace(/\uFFFD+$/, '')
}

/** The hashes of network and attachment. */
export function ownerHash(owner: Attachment): string {
  return `${hash(owner.network)}-${hash(`${owner.ifName}:${owner.containerId}`)}`
}

function hash(text: string): string {
  return sha512(text).slice(0, 16)
}

/** The rules whose comment starts with hashes; that there are none is known without a process. */
function rulesOf(tools: Tools, hashes: string): NftRule[] {
  if (!hasRule({ family: 'inet', table: tableName, chain: checks }, hashes)) return []
  const rules = nftListChain(tools, 'inet', tableName, checks)
  return rules.filter(({ comment }) => comment.startsWith(hashes))
}

function removeRules(tools: Tools, rules: readonly NftRule[]): void {
  if (rules.length > 0) nftRun(tools, `${rules.map(deleteRule).join('\n')}\n`)
}

function deleteRule({ handle }: NftRule): string {
  return `delete rule ${table} ${checks} handle ${handle}`
}
