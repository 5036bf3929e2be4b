/**
 * Masquerading by nftables: the table, chains, rules and comments of the Go plugins, so that
 * either can remove what the other made.
 */
import { sha512 } from '../../lib/base/sha512.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { nftables } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasRule } from '../../lib/firewall/rule-search.ts'
import {
  commentOf,
  type ListedRule,
  type Rule,
  sourceOf,
  targetOf,
} from '../../lib/firewall/rule.ts'
import { addRules, type Change, deleteRules } from '../../lib/firewall/transaction.ts'
import { type Cidr, network, sameIp } from '../../lib/ip/ip.ts'
import { multicast } from '../../lib/ip/well-known.ts'

export const table = { family: 'inet', name: 'cni_plugins_masquerade' } as const
const checks = 'masq_checks'
const postrouting = 'postrouting'

/** nft refuses longer ones, in bytes. */
const maxComment = 128

/** Adds the rules of an attachment in one transaction, in place of those that it has. */
export function setUp(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): void {
  const changes = setUpChanges(owner, addresses, rulesOf(tools, ownerHash(owner)))
  nftables(tools).apply([{ table, changes }])
}

/** Removes the rules of an attachment; none is fine. */
export function tearDown(tools: Tools, owner: Attachment): void {
  removeRules(tools, rulesOf(tools, ownerHash(owner)))
}

/** Removes the rules of the network's attachments that are not valid. */
export function sweep(tools: Tools, name: string, valid: readonly Attachment[]): void {
  const keep = valid.map(ownerHash)
  const isStale = ({ rule }: ListedRule) =>
    !keep.some((prefix) => commentOf(rule).startsWith(prefix))
  removeRules(tools, rulesOf(tools, `${hash(name)}-`).filter(isStale))
}

/** The addresses that are not masqueraded. */
export function missing(tools: Tools, owner: Attachment, addresses: readonly Cidr[]): Cidr[] {
  const sources = rulesOf(tools, ownerHash(owner)).flatMap(({ rule }) => sourceOf(rule) ?? [])
  if (sources.length === 0 || !isEntered(tools)) return [...addresses]
  return addresses.filter(({ ip }) => !sources.some((source) => sameIp(source.ip, ip)))
}

/** Whether packets get to the rules. */
function isEntered(tools: Tools): boolean {
  return list(tools, postrouting).some(({ rule }) => targetOf(rule) === checks)
}

/** What `setUp` changes; `old` are the rules to replace. */
export function setUpChanges(
  owner: Attachment,
  addresses: readonly Cidr[],
  old: readonly ListedRule[],
): Change[] {
  const comment = { comment: ownerComment(owner) }
  const entry = (rule: Rule) => ({ chain: postrouting, rule })
  return [
    {
      do: 'add table',
      comment: 'Masquerading for plugins from github.com/containernetworking/plugins',
    },
    {
      do: 'add chain',
      chain: {
        name: checks,
        comment:
          'Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet',
      },
    },
    {
      do: 'add chain',
      chain: { name: postrouting, hook: { type: 'nat', hook: 'postrouting', priority: 100 } },
    },
    { do: 'flush chain', chain: postrouting },
    ...addRules([
      entry([{ destination: multicast[4], op: '==' }, { verdict: 'return' }]),
      entry([{ destination: multicast[6], op: '==' }, { verdict: 'return' }]),
      entry([{ goto: checks }]),
    ]),
    ...deleteRules(old),
    ...addRules(
      addresses.map((address) => ({
        chain: checks,
        rule: [
          { source: address.ip, op: '==' },
          { destination: network(address), op: '!=' },
          { masquerade: { fullyRandom: false } },
          comment,
        ],
      })),
    ),
  ]
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
function rulesOf(tools: Tools, hashes: string): ListedRule[] {
  const { family, name } = table
  if (!hasRule({ family, table: name, chain: checks }, hashes)) return []
  return list(tools, checks).filter(({ rule }) => commentOf(rule).startsWith(hashes))
}

function list(tools: Tools, chain: string): readonly ListedRule[] {
  return (
    nftables(tools)
      .list(table, { chains: [chain] })
      .get(chain) ?? []
  )
}

function removeRules(tools: Tools, rules: readonly ListedRule[]): void {
  if (rules.length > 0) nftables(tools).apply([{ table, changes: deleteRules(rules) }])
}
