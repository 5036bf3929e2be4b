/**
 * "macspoofchk": frames that come from the container with another MAC than its own are dropped,
 * by nftables in the bridge family. Chains, rules and comments are those of the Go plugin.
 */
import { isObject } from '../../lib/base/json.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { nftListTable, nftProblem, type NftRule, nftRunJson } from '../../lib/firewall/nft.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { hasChain, hasRule } from '../../lib/firewall/rule-search.ts'
import { attemptRemoval } from './attempt-removal.ts'

const family = 'bridge'
const table = 'nat'
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
    const old = ownRules(tools, id)
    nftRunJson(tools, setUpCommands(id, port, mac, old))
  })
}

/** Removes the rules and chains of an attachment; none is fine. */
export function tearDownSpoofCheck(id: string, { log, tools }: Context): void {
  withPrefix('failed to teardown spoof-check: ', () => {
    attemptRemoval(
      'nftables',
      log,
      () => removeAll(tools, id),
      () => nftProblem(tools),
    )
  })
}

function removeAll(tools: Tools, id: string): void {
  const own = ownRules(tools, id)
  const hasChains = chains(id).some((chain) => hasChain({ family, table, chain }))
  if (own.length > 0 || hasChains) nftRunJson(tools, tearDownCommands(id, own))
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
  attemptRemoval(
    'nftables',
    log,
    () => removeStale(tools, valid, isPort),
    () => nftProblem(tools),
  )
}

function removeStale(
  tools: Tools,
  valid: readonly string[],
  isPort: (name: string) => boolean,
): void {
  if (!hasRule({ family, table, chain: base }, commentPrefix)) return
  const stale = nftListTable(tools, family, table)
    .filter(({ chain, comment }) => chain === base && comment.startsWith(commentPrefix))
    .filter((rule) => !isPort(portOf(rule)))
    .map(({ comment }) => comment.slice(commentPrefix.length))
    .filter((id) => !valid.includes(id))
  attemptAll(stale.map((id) => () => removeAll(tools, id)))
}

/** The port whose frames a rule of the base chain is about; empty for an unknown rule. */
function portOf({ expr: [first] }: NftRule): string {
  const match = isObject(first) ? first['match'] : undefined
  const right = isObject(match) ? match['right'] : undefined
  return typeof right === 'string' ? right : ''
}

/** What `setUpSpoofCheck` runs, as libnftables-json(5) has it. */
export function setUpCommands(
  id: string,
  port: string,
  mac: string,
  old: readonly NftRule[],
): unknown[] {
  const [ports, macs] = chains(id)
  const comment = commentPrefix + id
  const rule = (chain: string, expr: readonly unknown[]) => ({
    add: { rule: { family, table, chain, expr, comment } },
  })
  return [
    { add: { table: { family, name: table } } },
    {
      add: {
        chain: {
          ...{ family, table, name: base },
          ...{ type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' },
        },
      },
    },
    ...[ports, macs].map((name) => ({ add: { chain: { family, table, name } } })),
    ...old.filter(({ chain }) => chain === base).map(deleteRule),
    ...[ports, macs].map((name) => ({ flush: { chain: { family, table, name } } })),
    rule(base, [match({ meta: { key: 'iifname' } }, port), { jump: { target: ports } }]),
    rule(ports, [{ jump: { target: macs } }]),
    rule(macs, [match({ payload: { protocol: 'ether', field: 'saddr' } }, mac), { return: null }]),
    rule(macs, [{ drop: null }]),
  ]
}

/** What `tearDownSpoofCheck` runs; `own` are the attachment's rules. */
export function tearDownCommands(id: string, own: readonly NftRule[]): unknown[] {
  const names = chains(id)
  return [
    ...own.filter(({ chain }) => chain === base).map(deleteRule),
    // A chain can be deleted when nothing leads there; one that is missing is made to be deleted.
    ...names.map((name) => ({ add: { chain: { family, table, name } } })),
    ...names.map((name) => ({ flush: { chain: { family, table, name } } })),
    ...names.map((name) => ({ delete: { chain: { family, table, name } } })),
  ]
}

function chains(id: string): [ports: string, macs: string] {
  const ports = `cni-br-iface-${id}`
  return [ports, `${ports}-mac`]
}

function match(left: unknown, right: string): unknown {
  return { match: { op: '==', left, right } }
}

function deleteRule({ handle }: NftRule): unknown {
  return { delete: { rule: { family, table, chain: base, handle } } }
}

/** The attachment's rules; that it has none is known without a process. */
function ownRules(tools: Tools, id: string): NftRule[] {
  const comment = commentPrefix + id
  if (!hasRule({ family, table }, comment)) return []
  return nftListTable(tools, family, table).filter((rule) => rule.comment === comment)
}
