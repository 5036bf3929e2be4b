/** Who else has the host ports that an attachment wants. */
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import type { Claim, Owner } from './forwarding.ts'
import { formatHostPort, overlap, type PortMapping } from './mapping.ts'
import type { Attachment } from './records.ts'
import { findSandbox, isAlive } from './sandbox.ts'

/**
 * The attachments of other containers that have one of the ports and whose sandboxes are gone.
 * Throws a `CniError` with code 11 when a sandbox is still there: its container may be on its way
 * out, and the runtime will try again.
 */
export function departedRivals(wanted: Attachment, known: readonly Attachment[]): Attachment[] {
  const rivals = known.filter((other) => collision(wanted, other) !== undefined)
  for (const rival of rivals.filter(isAlive)) {
    throw taken(collision(wanted, rival), rival, rival.netns)
  }
  return rivals
}

/** The mapping that both want, unless both are one container's or packets are told apart. */
function collision(wanted: Attachment, other: Attachment): PortMapping | undefined {
  if (other.containerId === wanted.containerId) return undefined
  const isConditional = wanted.isConditional || other.isConditional
  if (isConditional && other.network !== wanted.network) return undefined
  return wanted.mappings.find((mapping) => other.mappings.some((mine) => overlap(mapping, mine)))
}

/**
 * The owners of rules for one of the ports that there is no record of, because the Go plugin made
 * them, and whose sandboxes are gone. Throws as `departedRivals` does.
 */
export function departedOwners(
  wanted: Attachment,
  claims: readonly Claim[],
  known: readonly Attachment[],
  log: Log,
): Owner[] {
  const recorded = new Set([wanted, ...known].map(({ containerId }) => containerId))
  const foreign = claims.filter(({ owner }) => !recorded.has(owner.containerId))
  return foreign.flatMap((claim) => {
    const mapping = wanted.mappings.find((mine) => overlap(mine, claim))
    if (mapping === undefined) return []
    const sandbox = findSandbox(claim.owner, log)
    if (sandbox !== undefined) throw taken(mapping, claim.owner, sandbox)
    log.warn(
      `taking host port ${formatHostPort(claim)} over from container ` +
        `${claim.owner.containerId}, which no longer exists`,
    )
    return [claim.owner]
  })
}

function taken(mapping: PortMapping | undefined, owner: Owner, sandbox: string): CniError {
  const port = mapping === undefined ? 'port' : formatHostPort(mapping)
  const network = owner.network === undefined ? '' : ` on network ${owner.network}`
  return new CniError(
    ErrorCode.tryAgainLater,
    `host port ${port} is already taken by another pod`,
    `container ${owner.containerId}${network} has it, and its sandbox ${sandbox} exists; ` +
      'remove that pod, or choose another hostPort',
  )
}
