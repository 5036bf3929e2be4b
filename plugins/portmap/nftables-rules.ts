/**
 * The rules of the nftables backend: one table for each family, whose chains and comments are
 * those of the Go plugin, so that either removes what the other made.
 */
import { nftQuote, type NftRule } from '../../lib/firewall/nft.ts'
import { type Family, formatCidr, formatIp, network } from '../../lib/ip/ip.ts'
import type { ForwardOptions } from './conf.ts'
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
    ...hostPortRules(family, target, options),
    ...(options.snat ? masqueradeRules(family, target, options) : []),
  ])
}

function hostPortRules(family: Family, target: Target, options: ForwardOptions): PlainRule[] {
  const word = familyWord[family]
  return ofFamily(target.mappings, family).flatMap((mapping) => {
    const { protocol, hostPort, containerPort, hostIp } = mapping
    const to = hostIp === undefined ? '' : `${word} daddr ${formatIp(hostIp)} `
    const port = `${protocol} dport ${hostPort}`
    const texts = [
      ...neighbours(target, options).map(
        (from) => `${to}${word} saddr ${from} ${port} meta mark set meta mark | ${bit(options)}`,
      ),
      `${to}${port} dnat to ${formatTarget(target.address.ip, containerPort)}`,
    ]
    return texts.map((text) => ({ chain: 'hostports', text }))
  })
}

/**
 * Answers must come back by the host to be translated. Those to the container itself and to
 * 127.0.0.1 always would not; those to other containers of its subnet, which can be on the same
 * bridge, would not either unless the kernel passes bridged packets through netfilter. Only packets
 * for a host port are marked: others keep their source.
 */
function masqueradeRules(family: Family, target: Target, options: ForwardOptions): PlainRule[] {
  const word = familyWord[family]
  const ip = formatIp(target.address.ip)
  const own = family === 4 ? [ip, '127.0.0.1'] : [ip]
  const sources = options.masqAll ? [anySource[family]] : own
  const texts = [
    ...sources.map((source) => `${word} saddr ${source} ${word} daddr ${ip} masquerade`),
    ...neighbours(target, options).map(
      () => `meta mark & ${bit(options)} == ${bit(options)} ${word} daddr ${ip} masquerade`,
    ),
  ]
  return texts.map((text) => ({ chain: 'masquerading', text }))
}

/** The subnet of a container whose neighbours are to be masqueraded; none or one. */
function neighbours({ address }: Target, { snat, masqAll }: ForwardOptions): string[] {
  const isAlone = address.prefix === address.ip.bitSize
  return !snat || masqAll || isAlone ? [] : [formatCidr(network(address))]
}

function bit({ markMasqBit }: ForwardOptions): string {
  return `0x${(2 ** markMasqBit).toString(16)}`
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
