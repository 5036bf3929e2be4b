/** Masquerading of what a container sends out of its subnet ("ipMasq"). */
import type { Attachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { detectBackend, firewallOf } from '../../lib/firewall/backend.ts'
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import type { Tools } from '../../lib/firewall/node-tool.ts'
import { type Cidr, type Family, formatCidr } from '../../lib/ip/ip.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { attemptRemoval } from './attempt-removal.ts'
import type { BridgeConf } from './conf.ts'
import * as iptables from './masquerade-iptables.ts'
import * as nftables from './masquerade-nftables.ts'
import { addressesSharing } from './masquerade-sharing.ts'

/** Masquerades what these addresses, each with its prefix, send to outside of it. */
export function setUpMasquerade(
  conf: BridgeConf,
  owner: Attachment,
  addresses: readonly Cidr[],
  tools: Tools,
): void {
  const backend = { iptables, nftables }[conf.ipMasqBackend ?? detectBackend(tools)]
  backend.setUp(tools, owner, addresses)
}

/**
 * Removes the rules of an attachment from both backends, whichever one they were made with: the
 * configuration, or the node, may have changed. Its link must be gone: what addresses there are on
 * the network in the sandbox are those of other interfaces. Without a sandbox there are none.
 */
export function tearDownMasquerade(
  owner: Attachment,
  sandbox: Connection | undefined,
  context: Context,
): void {
  const others = sandbox === undefined ? [] : addressesSharing(owner, sandbox)
  inBothBackends(context, {
    nftables: (tools) => nftables.tearDown(tools, owner),
    iptables: (tools, family) => iptables.tearDown(tools, family, owner, others),
  })
}

/** Removes the rules of the network's attachments that are not among the valid ones. */
export function sweepMasquerade(
  network: string,
  valid: readonly Attachment[],
  context: Context,
): void {
  inBothBackends(context, {
    nftables: (tools) => nftables.sweep(tools, network, valid),
    iptables: (tools, family) => iptables.sweep(tools, family, network, valid),
  })
}

/** Throws unless every address is masqueraded, by whichever backend. */
export function checkMasquerade(owner: Attachment, addresses: readonly Cidr[], tools: Tools): void {
  const [first] = iptables.missing(tools, owner, nftables.missing(tools, owner, addresses))
  if (first === undefined) return
  throw new CniError(
    ErrorCode.internal,
    `the rule that masquerades ${formatCidr(first)} is missing`,
    'another program has removed it, as a reload of firewalld or of a ruleset does: delete the ' +
      'pod, and its controller replaces it',
  )
}

interface Removal {
  readonly nftables: (tools: Tools) => void
  readonly iptables: (tools: Tools, family: Family) => void
}

function inBothBackends({ log, tools }: Context, removal: Removal): void {
  const attempt = (backend: FirewallBackend, family: Family, remove: () => void) =>
    attemptRemoval(log, firewallOf(tools, backend), family, remove)
  attemptAll([
    // its table holds the rules of both families
    () => attempt('nftables', 4, () => removal.nftables(tools)),
    ...([4, 6] as const).map(
      (family) => () => attempt('iptables', family, () => removal.iptables(tools, family)),
    ),
  ])
}
