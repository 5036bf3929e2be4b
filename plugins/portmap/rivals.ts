/** Who else has the host ports that an attachment wants. */
import type { Attachment } from '../../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import type { Claim, Owner } from './forwarding.ts'
import { formatHostPort, overlap, type PortMapping } from './mapping.ts'
import type { RecordedAttachment } from './records.ts'
import { findRemains, findUnrecordedRemains, type Remains } from './sandbox.ts'

/** Where rivals are looked for. */
export interface Surroundings {
  /** The attachments that are recorded. */
  readonly known: readonly RecordedAttachment[]
  /** Where they are. */
  readonly dataDir: string
  readonly context: Context
}

/**
 * The attachments of other containers that have one of the ports and whose sandboxes are gone.
 * Throws a `CniError` with code 11 when one is not known to be gone: its container may be on its
 * way out, and the runtime will try again.
 */
export function departedRivals(
  wanted: RecordedAttachment,
  around: Surroundings,
): RecordedAttachment[] {
  return around.known.filter((rival) => {
    const mapping = collision(wanted, rival)
    if (mapping === undefined) return false
    const remains = findRemains(rival, around.context)
    if (remains !== undefined) throw taken(mapping, rival, remains, around)
    return true
  })
}

/** The mapping that both want, unless both are one container's or packets are told apart. */
function collision(wanted: RecordedAttachment, other: RecordedAttachment): PortMapping | undefined {
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
  wanted: RecordedAttachment,
  claims: readonly Claim[],
  around: Surroundings,
): Owner[] {
  const { log } = around.context
  const recorded = new Set([wanted, ...around.known].map(({ containerId }) => containerId))
  const foreign = claims.filter(({ owner }) => !recorded.has(owner.containerId))
  return foreign.flatMap((claim) => {
    const mapping = wanted.mappings.find((mine) => overlap(mine, claim))
    if (mapping === undefined) return []
    const remains = findUnrecordedRemains(claim.owner, log)
    if (remains !== undefined) throw taken(mapping, claim.owner, remains, around)
    log.warn(
      `taking host port ${formatHostPort(claim)} over from container ` +
        `${claim.owner.containerId}, which no longer exists`,
    )
    return [claim.owner]
  })
}

function taken(
  mapping: PortMapping,
  owner: Owner & { readonly ifName?: string },
  { text, isSeen }: Remains,
  { dataDir }: Surroundings,
): CniError {
  const { containerId, network, ifName = 'eth0' } = owner
  const on = network === undefined ? '' : ` on network ${network}`
  const name = { network: network ?? 'any', containerId, ifName }
  const command = removalCommand(name, mapping, dataDir)
  const remedy = isSeen ? '' : `; if crictl pods -q does not list it, remove its rules: ${command}`
  return new CniError(
    ErrorCode.tryAgainLater,
    `host port ${formatHostPort(mapping)} is already taken by another pod`,
    `container ${containerId}${on} has it, and ${text}; remove that pod, or choose another ` +
      `hostPort${remedy}`,
  )
}

/** What to type to have this plugin remove the rules of an attachment, and its record. */
function removalCommand(
  { network, containerId, ifName }: Attachment,
  { protocol, hostPort }: PortMapping,
  dataDir: string,
): string {
  const conf = {
    ...{ cniVersion: '1.0.0', name: network, type: 'portmap', dataDir },
    // rules of iptables-legacy are looked for when there are ports
    runtimeConfig: { portMappings: [{ protocol, hostPort, containerPort: hostPort }] },
  }
  return (
    `echo ${quote(JSON.stringify(conf))} | CNI_COMMAND=DEL CNI_CONTAINERID=${quote(containerId)} ` +
    `CNI_IFNAME=${quote(ifName)} CNI_PATH=/opt/cni/bin /opt/cni/bin/portmap`
  )
}

/** A word of the shell. */
function quote(word: string): string {
  return /^[\w.-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
