/**
 * The rules of the nftables backend: one table for each family, whose chains and comments are
 * those of the Go plugin, so that either removes what the other made.
 */
import { formatIp, type Family } from '../../lib/net/ip.ts'
import { nftQuote, type NftRule } from '../../lib/net/nft.ts'
import type { Forwarding, Target } from './forwarding.ts'
import { formatTarget, ofFamily } from './mapping.ts'

export const table = 'cni_hostport'

/** The word for a family, of tables and of addresses in rules. */
export const familyWord = { 4: 'ip', 6: 'ip6' } as const

const anySource = { 4: '0.0.0.0/0', 6: '::/0' } as const

/** A rule without its comment. */
export interface PlainRule {
  readonly chain: string
  readonly text: string
}

/** The commands that make the table and its chains, and fill those that have no owner. */
export function structureCommands(family: Family, { options }: Forwarding): string[] {
  const of = `${familyWord[family]} ${table}`
  const hooked = (chain: string, type: string) => `add chain ${of} ${chain} { type nat ${type} ; }`
  return [
    `add table ${of} { comment "CNI portmap plugin" ; }`,
    `add chain ${of} hostports`,
    // Filled by older Go plugins only; packets are still led through it.
    `add chain ${of} hostip_hostports`,
    `add chain ${of} hostports_all`,
    hooked('prerouting', 'hook prerouting priority -100'),
    hooked('output', 'hook output priority -100'),
    ...(options.snat ? [hooked('masquerading', 'hook postrouting priority 100')] : []),
    ...['hostports_all', 'prerouting', 'output'].map((chain) => `flush chain ${of} ${chain}`),
    ...entryRules(options.conditions[family]).map((rule) => addCommand(family, rule)),
  ]
}

/** The rules by which packets for the node's own addresses get to the rules of containers. */
export function entryRules(conditions: readonly string[]): PlainRule[] {
  const text = [...conditions, 'fib daddr type local jump hostports_all'].join(' ')
  return [
    { chain: 'hostports_all', text: 'jump hostip_hostports' },
    { chain: 'hostports_all', text: 'jump hostports' },
    { chain: 'prerouting', text },
    { chain: 'output', text },
  ]
}

/** The rules of one container. */
export function containerRules(family: Family, { targets, options }: Forwarding): PlainRule[] {
  return targets.flatMap((target) => [
    ...hostPortRules(family, target),
    ...(options.snat ? masqueradeRules(family, target, options.masqAll) : []),
  ])
}

function hostPortRules(family: Family, { address, mappings }: Target): PlainRule[] {
  return ofFamily(mappings, family).map(({ protocol, hostPort, containerPort, hostIp }) => {
    const at = hostIp === undefined ? '' : `${familyWord[family]} daddr ${formatIp(hostIp)} `
    const to = formatTarget(address.ip, containerPort)
    return { chain: 'hostports', text: `${at}${protocol} dport ${hostPort} dnat to ${to}` }
  })
}

/** Answers to the container's own packets, and to those of 127.0.0.1, must come back by the host. */
function masqueradeRules(family: Family, { address }: Target, masqAll: boolean): PlainRule[] {
  const ip = formatIp(address.ip)
  const sources = masqAll ? [anySource[family]] : family === 4 ? [ip, '127.0.0.1'] : [ip]
  const word = familyWord[family]
  return sources.map((source) => ({
    chain: 'masquerading',
    text: `${word} saddr ${source} ${word} daddr ${ip} masquerade`,
  }))
}

/** The command that adds a rule, with its owner as the comment. */
export function addCommand(family: Family, { chain, text }: PlainRule, comment?: string): string {
  const suffix = comment === undefined ? '' : ` comment ${nftQuote(comment)}`
  return `add rule ${familyWord[family]} ${table} ${chain} ${text}${suffix}`
}

/** The command that deletes a rule that was listed. */
export function deleteCommand(family: Family, { chain, handle }: NftRule): string {
  return `delete rule ${familyWord[family]} ${table} ${chain} handle ${handle}`
}
