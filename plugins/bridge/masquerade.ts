/** Masquerading of what a container sends out of its subnet ("ipMasq"). */
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, errorText } from '../../lib/cni/errors.ts'
import type { Log, Request } from '../../lib/cni/plugin.ts'
import type { Attachment } from '../../lib/cni/valid-attachments.ts'
import { detectBackend, type FirewallBackend } from '../../lib/net/firewall-backend.ts'
import { formatCidr, type Cidr, type Family } from '../../lib/net/ip.ts'
import { iptablesProblem } from '../../lib/net/iptables.ts'
import { nftProblem } from '../../lib/net/nft.ts'
import type { BridgeConf } from './conf.ts'
import * as iptables from './masquerade-iptables.ts'
import * as nftables from './masquerade-nftables.ts'

/** Whose traffic is masqueraded. */
export interface MasqueradeOwner extends Attachment {
  /** The name of the network. */
  readonly network: string
}

/** The owner of the rules of a request's attachment. */
export function masqueradeOwner({ conf, containerId, ifName }: Request): MasqueradeOwner {
  return { network: conf.name, containerId, ifName }
}

/** Masquerades what these addresses, each with its prefix, send to outside of it. */
export function setUpMasquerade(
  conf: BridgeConf,
  owner: MasqueradeOwner,
  addresses: readonly Cidr[],
): void {
  backendOf(conf).setUp(owner, addresses)
}

/**
 * Removes the rules of an attachment from both backends, whichever one they were made with: the
 * configuration, or the node, may have changed. `addresses` are the attachment's if they are
 * known.
 */
export function tearDownMasquerade(
  owner: MasqueradeOwner,
  addresses: readonly Cidr[] | undefined,
  log: Log,
): void {
  inBothBackends(log, {
    nftables: () => nftables.tearDown(owner),
    iptables: (family) => iptables.tearDown(family, owner, addresses),
  })
}

/** Removes the rules of the network's attachments that are not among the valid ones. */
export function sweepMasquerade(network: string, valid: readonly Attachment[], log: Log): void {
  inBothBackends(log, {
    nftables: () => nftables.sweep(network, valid),
    iptables: (family) => iptables.sweep(family, network, valid),
  })
}

/** Throws unless every address is masqueraded. */
export function checkMasquerade(
  conf: BridgeConf,
  owner: MasqueradeOwner,
  addresses: readonly Cidr[],
): void {
  const [first] = backendOf(conf).missing(owner, addresses)
  if (first === undefined) return
  throw new CniError(
    ErrorCode.internal,
    `the rule that masquerades ${formatCidr(first)} is missing`,
    'another program has removed it, as a reload of firewalld or of a ruleset does: delete the ' +
      'pod, and its controller replaces it',
  )
}

function backendOf({ ipMasqBackend }: BridgeConf) {
  return { iptables, nftables }[ipMasqBackend ?? detectBackend()]
}

interface Steps {
  readonly nftables: () => void
  readonly iptables: (family: Family) => void
}

/** Tries every backend; one that cannot be used on this node has no rules, so it may fail. */
function inBothBackends(log: Log, steps: Steps): void {
  attemptAll([
    () => unlessUnusable('nftables', log, steps.nftables, nftProblem),
    ...([4, 6] as const).map(
      (family) => () =>
        unlessUnusable(
          'iptables',
          log,
          () => steps.iptables(family),
          () => iptablesProblem(family),
        ),
    ),
  ])
}

function unlessUnusable(
  backend: FirewallBackend,
  log: Log,
  step: () => void,
  problem: () => CniError | undefined,
): void {
  try {
    step()
  } catch (error) {
    if (problem() === undefined) throw error
    log.debug(`${backend} cannot be used here: ${errorText(error)}`)
  }
}
