import { type Attachment, isSameAttachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { ownerOf } from './attachments.ts'
import { backends } from './backends.ts'
import type { PortmapConf } from './conf.ts'
import type { Records } from './records.ts'
import { type Departed, tearDown } from './tear-down.ts'
import { findAllTraces, findIptables } from './traces.ts'

/** Those of the attachments that are to this network and not valid any more. */
export function staleAmong<T extends Attachment>(
  attachments: readonly T[],
  network: string,
  valid: readonly Attachment[],
): T[] {
  const isValid = (attachment: T) => valid.some((each) => isSameAttachment(each, attachment))
  return attachments.filter((each) => each.network === network && !isValid(each))
}

/** Removes the rules of attachments that are not valid any more, and their records. */
export function collectRecorded(
  stale: readonly Departed[],
  conf: PortmapConf,
  records: Records,
  context: Context,
): void {
  attemptAll(
    stale.map((attachment) => () => {
      context.log.debug(`removing the host ports of container ${attachment.containerId}`)
      tearDown(attachment, findAllTraces(ownerOf(attachment)), conf, records, context)
    }),
  )
}

/** The same for attachments whose records are garbled: only the rules tell of their ports. */
export function collectUnreadable(
  stale: readonly Attachment[],
  conf: PortmapConf,
  records: Records,
  context: Context,
): void {
  const departed = stale.map((name) => ({ ...name, addresses: [], mappings: [] }))
  collectRecorded(departed, conf, records, context)
}

/** Removes what calls that were killed had begun to record: they made no rules. */
export function collectUnfinished(stale: readonly Attachment[], records: Records): void {
  attemptAll(stale.map((name) => () => records.removeUnfinished(name)))
}

/**
 * Removes the rules of containers that were never recorded, because the Go plugin made them.
 * Those of nftables stay: nothing in them says to which network they belong.
 */
export function collectUnrecorded(
  network: string,
  valid: readonly Attachment[],
  { tools }: Context,
): void {
  const isStale = ({ containerId }: { readonly containerId: string }) =>
    !valid.some((each) => each.containerId === containerId)
  attemptAll(
    findIptables().map(({ backend, family }) => () => {
      const rules = backends[backend].list(tools, family)
      const owners = rules.owners.filter((owner) => owner.network === network && isStale(owner))
      if (owners.length > 0) rules.change({ owners, keep: [] })
    }),
  )
}
