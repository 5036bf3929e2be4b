/**
 * "macspoofchk": frames that come from the container with another MAC than its own are dropped,
 * by nftables in the bridge family. Chains, rules and comments are those of the Go plugin.
 */
import type { Attachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { rulesOf } from '../../lib/firewall/firewall.ts'
import { nftablesOfAnyName } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasRule } from '../../lib/firewall/rule-search.ts'
import { commentOf, type ListedRule, type Rule } from '../../lib/firewall/rule.ts'
import {
  addRules,
  type Change,
  deleteChains,
  deleteRules,
  emptyChains,
} from '../../lib/firewall/transaction.ts'
import { attemptRemoval } from './attempt-removal.ts'

const table = { family: 'bridge', name: 'nat' } as const
/** The same place for a search. */
const place = { family: table.family, table: table.name } as const
const base = 'PREROUTING'

const commentPrefix = 'macspoofchk-'

/** The name of an attachment in chains and comments. */
export function spoofCheckId({ containerId, ifName }: Omit<Attachment, 'network'>): string {
  return `${containerId}-${ifName}`
}

/**
 * Drops what comes in by the host's end `port` and does not have the MAC `mac`. What is left of an
 * earlier ADD of the attachment is replaced.
 */
export function setUpSpoofCheck(tools: Tools, id: string, port: string, mac: string): void {
  withPrefix('failed to setup spoof-check: ', () => {
    change(tools, setUpChanges(id, port, mac, ownRules(tools, id)))
  })
}

/** Removes the rules and chains of an attachment; none is fine. */
export function tearDownSpoofCheck(id: string, { log, tools }: Context): void {
  withPrefix('failed to teardown spoof-check: ', () => {
    attemptRemoval(log, nftablesOfAnyName(tools), 4, () => removeAll(tools, id))
  })
}

function removeAll(tools: Tools, id: string): void {
  const own = ownRules(tools, id)
  const hasChains = chains(id).some((chain) => hasChain({ ...place, chain }))
  if (own.length > 0 || hasChains) change(tools, tearDownChanges(id, own))
}

/** Names of containers and interfaces are in the names of chains. */
function change(tools: Tools, changes: readonly Change[]): void {
  nftablesOfAnyName(tools).apply([{ table, changes }])
}

/** Whether the attachment has all its rules. */
export function hasSpoofCheck(tools: Tools, id: string): boolean {
  const own = ownRules(tools, id)
  const [ports, macs] = chains(id)
  const hasRules = (name: string, count: number) =>
    own.filter(({ chain }) => chain === name).length >= count
  return hasRules(base, 1) && hasRules(ports, 1) && hasRules(macs, 2)
}

/**
 * Removes the rules and chains of all attachments whose port is gone, but for the valid ones. The
 * rules do not say which network they are of, so a port that is there decides.
 */
export function sweepSpoofChecks(
  valid: readonly string[],
  isPort: (name: string) => boolean,
  { log, tools }: Context,
): void {
  const firewall = nftablesOfAnyName(tools)
  attemptRemoval(log, firewall, 4, () => removeStale(tools, valid, isPort))
}

function removeStale(
  tools: Tools,
  valid: readonly string[],
  isPort: (name: string) => boolean,
): void {
  if (!hasRule({ ...place, chain: base }, commentPrefix)) return
  const stale = list(tools)
    .filter(({ chain, rule }) => chain === base && commentOf(rule).startsWith(commentPrefix))
    .filter(({ rule }) => !isPort(portOf(rule)))
    .map(({ rule }) => commentOf(rule).slice(commentPrefix.length))
    .filter((id) => !valid.includes(id))
  attemptAll(stale.map((id) => () => removeAll(tools, id)))
}

/** The port whose frames a rule of the base chain is about; empty for an unknown rule. */
function portOf(rule: Rule): string {
  const [port = ''] = rule.flatMap((each) => ('inputInterface' in each ? each.inputInterface : []))
  return port
}

/** What `setUpSpoofCheck` changes. */
export function setUpChanges(
  id: string,
  port: string,
  mac: string,
  old: readonly ListedRule[],
): Change[] {
  const [ports, macs] = chains(id)
  const comment = { comment: commentPrefix + id }
  const hook = { type: 'filter', hook: 'prerouting', priority: -300, policy: 'accept' } as const
  const made = [{ name: base, hook }, { name: ports }, { name: macs }]
  return [
    { do: 'add table' },
    ...made.map((chain): Change => ({ do: 'add chain', chain })),
    ...deleteRules(old.filter(({ chain }) => chain === base)),
    ...[ports, macs].map((chain): Change => ({ do: 'flush chain', chain })),
    ...addRules([
      { chain: base, rule: [{ inputInterface: port }, { jump: ports }, comment] },
      { chain: ports, rule: [{ jump: macs }, comment] },
      { chain: macs, rule: [{ sourceMac: mac }, { verdict: 'return' }, comment] },
      { chain: macs, rule: [{ verdict: 'drop' }, comment] },
    ]),
  ]
}

/** What `tearDownSpoofCheck` changes; `own` are the attachment's rules. */
export function tearDownChanges(id: string, own: readonly ListedRule[]): Change[] {
  const names = chains(id)
  return [
    ...deleteRules(own.filter(({ chain }) => chain === base)),
    ...emptyChains(names),
    ...deleteChains(names),
  ]
}

function chains(id: string): [ports: string, macs: string] {
  const ports = `cni-br-iface-${id}`
  return [ports, `${ports}-mac`]
}

/** The attachment's rules; that it has none is known without a process. */
function ownRules(tools: Tools, id: string): ListedRule[] {
  const comment = commentPrefix + id
  if (!hasRule(place, comment)) return []
  return list(tools).filter(({ rule }) => commentOf(rule) === comment)
}

function list(tools: Tools): ListedRule[] {
  return rulesOf(nftablesOfAnyName(tools).list(table))
}
