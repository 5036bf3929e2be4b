/**
 * The rules of the iptables backend, all in table nat, as the Go plugin has them: chains, their
 * names and comments are the same, so that either removes what the other made.
 */
import { sha512 } from '../../lib/base/sha512.ts'
import {
  type Address,
  type ChainRule,
  type Protocol,
  type Rule,
  ruleKey,
} from '../../lib/firewall/rule.ts'
import type { Family } from '../../lib/ip/ip.ts'
import { everywhere, localhost } from '../../lib/ip/well-known.ts'
import type { ForwardOptions } from './conf.ts'
import type { Forwarding, Owner, Target } from './forwarding.ts'
import { ofFamily, type PortMapping } from './mapping.ts'

/** What the names of all chains begin with that rules here are in, or lead to. */
export const namePrefix = 'CNI-'

/** The chain with a jump to the chain of every container. */
export const sharedChain = 'CNI-HOSTPORT-DNAT'
export const setMarkChain = 'CNI-HOSTPORT-SETMARK'
export const masqueradeChain = 'CNI-HOSTPORT-MASQ'

/** The chains of the kernel with rules that lead to ours. */
export const hooks = ['PREROUTING', 'OUTPUT', 'POSTROUTING'] as const

/** A name has 28 characters at most. */
const chainLength = 28

/** XT_MAX_COMMENT_LEN of linux/netfilter/xt_comment.h, less the zero byte. */
const maxComment = 255

/** The multiport match takes no more. */
const portsPerRule = 15

/** The chain of a container; two attachments of it to one network share it. */
export function containerChain({ network, containerId }: Required<Owner>): string {
  return `CNI-DN-${sha512(`${network}${containerId}`)}`.slice(0, chainLength)
}

/** What the jumps to a container's chain are marked with. */
export function ownerComment({ network, containerId }: Required<Owner>): string {
  const comment = Buffer.from(`dnat name: "${network}" id: "${containerId}"`)
  if (comment.length <= maxComment) return comment.toString()
  return `${comment.toString('utf8', 0, maxComment - 3)}...`
}

/** The rules by which packets get to the shared chains; `first` are those that go to the front. */
export function entryRules({ snat, externalSetMarkChain }: ForwardOptions) {
  const local: Rule = [{ destinationType: 'local' }, { jump: sharedChain }]
  const comment = { comment: 'CNI portfwd requiring masquerade' }
  const masquerade = { chain: 'POSTROUTING', rule: [comment, { jump: masqueradeChain }] }
  return {
    // behind rules that other plugins add for masquerading it would come too late
    first: snat && externalSetMarkChain === undefined ? [masquerade] : [],
    last: ['PREROUTING', 'OUTPUT'].map((chain): ChainRule => ({ chain, rule: local })),
  }
}

/** The rules of the chains that mark packets and masquerade those with the mark. */
export function markRules(options: ForwardOptions): ChainRule[] {
  const { snat, externalSetMarkChain, markMasqBit } = options
  if (!snat || externalSetMarkChain !== undefined) return []
  const bit = 2 ** markMasqBit
  const comment = { comment: 'CNI portfwd masquerade mark' }
  return [
    { chain: setMarkChain, rule: [comment, { setMark: bit }] },
    { chain: masqueradeChain, rule: [{ mark: bit }, { masquerade: { fullyRandom: false } }] },
  ]
}

/** The jumps to the chain of a container, also for mappings of the other family, as in Go. */
export function jumpRules(family: Family, { owner, options, targets }: Forwarding): Rule[] {
  const words = options.conditions[family]
  return portLists(targets.flatMap(({ mappings }) => mappings)).map(([protocol, ports]) => [
    { comment: ownerComment(owner) },
    { protocol, ports },
    ...(words.length > 0 ? [{ words }] : []),
    { jump: containerChain(owner) },
  ])
}

/** The ports of each protocol, the protocols by name, in lists that one rule takes. */
function portLists(mappings: readonly PortMapping[]): (readonly [Protocol, number[]])[] {
  const ports = Map.groupBy(mappings, ({ protocol }) => protocol)
  return [...ports].sort().flatMap(([protocol, group]) => {
    const numbers = group.map(({ hostPort }) => hostPort)
    const starts = numbers.flatMap((_, index) => (index % portsPerRule === 0 ? [index] : []))
    return starts.map((start) => [protocol, numbers.slice(start, start + portsPerRule)] as const)
  })
}

/** The rules of a container's chain, each once: mappings of one host port share some. */
export function containerRules(family: Family, { options, targets }: Forwarding): Rule[] {
  const rules = targets.flatMap((target) =>
    ofFamily(target.mappings, family).flatMap((mapping) =>
      mappingRules(family, options, target, mapping),
    ),
  )
  return [...new Map(rules.map((rule) => [ruleKey(rule), rule])).values()]
}

function mappingRules(
  family: Family,
  options: ForwardOptions,
  { address }: Target,
  { protocol, hostPort, containerPort, hostIp }: PortMapping,
): Rule[] {
  const to = hostIp === undefined ? [] : [{ destination: hostIp }]
  const match: Rule = [{ protocol, port: hostPort }, ...to]
  const { externalSetMarkChain: mark = setMarkChain } = options
  return [
    ...markedSources(family, options, address).map((source) => [
      ...match,
      { source },
      { jump: mark },
    ]),
    [...match, { dnat: { ip: address.ip, port: containerPort } }],
  ]
}

/** Whose packets the host has to masquerade for the answers to come back by it. */
function markedSources(
  family: Family,
  { snat, masqAll }: ForwardOptions,
  address: Target['address'],
): Address[] {
  if (!snat) return []
  if (masqAll) return [everywhere[family]]
  return family === 4 ? [address, localhost] : [address]
}
