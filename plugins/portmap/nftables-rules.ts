/**
 * The rules of the nftables backend: one table for each family, whose chains and comments are
 * those of the Go plugin, so that either removes what the other made.
 */
import type { Address, ChainRule, Match, Rule } from '../../lib/firewall/rule.ts'
import { addRules, type Chain, type Change, type Hook } from '../../lib/firewall/transaction.ts'
import { type Family, type Ip, network } from '../../lib/ip/ip.ts'
import { everywhere, localhost } from '../../lib/ip/well-known.ts'
import type { ForwardOptions } from './conf.ts'
import type { Forwarding, Target } from './forwarding.ts'
import { ofFamily } from './mapping.ts'

export const tableName = 'cni_hostport'

/** Makes the table and its chains, and fills those that have no owner. */
export function structureChanges(family: Family, { options }: Forwarding): Change[] {
  const hooked = (name: string, hook: Hook['hook'], priority: number): Chain => ({
    name,
    hook: { type: 'nat', hook, priority },
  })
  const chains: Chain[] = [
    { name: 'hostports' },
    // Filled by older Go plugins only; packets are still led through it.
    { name: 'hostip_hostports' },
    { name: 'hostports_all' },
    hooked('prerouting', 'prerouting', -100),
    hooked('output', 'output', -100),
    ...(options.snat ? [hooked('masquerading', 'postrouting', 100)] : []),
  ]
  const filled = ['hostports_all', 'prerouting', 'output']
  return [
    { do: 'add table', comment: 'CNI portmap plugin' },
    ...chains.map((chain): Change => ({ do: 'add chain', chain })),
    ...filled.map((chain): Change => ({ do: 'flush chain', chain })),
    ...addRules(entryRules(options.conditions[family])),
  ]
}

/** The rules by which packets for the node's own addresses get to the rules of containers. */
export function entryRules(words: readonly string[]): ChainRule[] {
  const conditions = words.length > 0 ? [{ words }] : []
  const rule: Rule = [...conditions, { destinationType: 'local' }, { jump: 'hostports_all' }]
  return [
    { chain: 'hostports_all', rule: [{ jump: 'hostip_hostports' }] },
    { chain: 'hostports_all', rule: [{ jump: 'hostports' }] },
    { chain: 'prerouting', rule },
    { chain: 'output', rule },
  ]
}

/** The rules of one container. */
export function containerRules(
  family: Family,
  { owner, targets, options }: Forwarding,
): ChainRule[] {
  const comment = { comment: owner.containerId }
  const rules = targets.flatMap((target) => [
    ...hostPortRules(family, target, options),
    ...(options.snat ? masqueradeRules(family, target, options) : []),
  ])
  return rules.map(({ chain, rule }) => ({ chain, rule: [...rule, comment] }))
}

function hostPortRules(family: Family, target: Target, options: ForwardOptions): ChainRule[] {
  return ofFamily(target.mappings, family).flatMap((mapping) => {
    const { protocol, hostPort, containerPort, hostIp } = mapping
    const to: Match[] = hostIp === undefined ? [] : [{ destination: hostIp }]
    const port = { protocol, port: hostPort }
    const rules: Rule[] = [
      ...neighbours(target, options).map((source) => [
        ...to,
        { source },
        port,
        { setMark: bit(options) },
      ]),
      [...to, port, { dnat: { ip: target.address.ip, port: containerPort } }],
    ]
    return rules.map((rule) => ({ chain: 'hostports', rule }))
  })
}

/**
 * Answers must come back by the host to be translated. Those to the container itself and to
 * 127.0.0.1 always would not; those to other containers of its subnet, which can be on the same
 * bridge, would not either unless the kernel passes bridged packets through netfilter. Only packets
 * for a host port are marked: others keep their source.
 */
function masqueradeRules(family: Family, target: Target, options: ForwardOptions): ChainRule[] {
  const { ip } = target.address
  const masquerade: Rule = [{ destination: ip }, { masquerade: { fullyRandom: false } }]
  const rules: Rule[] = [
    ...masqueradedSources(family, ip, options).map((source) => [{ source }, ...masquerade]),
    ...neighbours(target, options).map(() => [{ mark: bit(options) }, ...masquerade]),
  ]
  return rules.map((rule) => ({ chain: 'masquerading', rule }))
}

function masqueradedSources(family: Family, own: Ip, { masqAll }: ForwardOptions): Address[] {
  if (masqAll) return [everywhere[family]]
  return family === 4 ? [own, localhost] : [own]
}

/** The subnet of a container whose neighbours are to be masqueraded; none or one. */
function neighbours({ address }: Target, { snat, masqAll }: ForwardOptions): Address[] {
  const isAlone = address.prefix === address.ip.bitSize
  return !snat || masqAll || isAlone ? [] : [network(address)]
}

function bit({ markMasqBit }: ForwardOptions): number {
  return 2 ** markMasqBit
}
