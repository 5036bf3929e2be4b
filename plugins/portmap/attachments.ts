/** The attachments of one container, which share its rules. */
import { type Attachment, isSameAttachment } from '../../lib/cni/attachment.ts'
import { family, type Family, type Ip } from '../../lib/ip/ip.ts'
import type { ForwardOptions } from './conf.ts'
import type { Forwarding, Owner, Target } from './forwarding.ts'
import { ofFamily } from './mapping.ts'
import type { RecordedAttachment } from './records.ts'

export function ownerOf({ network, containerId }: Attachment): Required<Owner> {
  return { network, containerId }
}

/**
 * What the container's attachments to one network forward in a family; undefined for nothing. The
 * order does not depend on who asks.
 */
export function forwardingOf(
  of: Family,
  options: ForwardOptions,
  attachments: readonly Pick<RecordedAttachment, keyof Attachment | 'addresses' | 'mappings'>[],
): Forwarding | undefined {
  const sorted = attachments.toSorted((a, b) => (a.ifName < b.ifName ? -1 : 1))
  const targets = sorted.flatMap(({ addresses, mappings }): Target[] => {
    const address = addresses.find(({ ip }) => family(ip) === of)
    const isNeeded = address !== undefined && ofFamily(mappings, of).length > 0
    return isNeeded ? [{ address, mappings }] : []
  })
  const [first] = sorted
  if (first === undefined || targets.length === 0) return undefined
  return { owner: ownerOf(first), options, targets }
}

/** The other attachments of a container, by whether they are to the same network. */
export function siblingsOf(name: Attachment, known: readonly RecordedAttachment[]) {
  const siblings = known.filter(
    (other) => other.containerId === name.containerId && !isSameAttachment(other, name),
  )
  const { here = [], elsewhere = [] } = Object.groupBy(siblings, ({ network }) =>
    network === name.network ? 'here' : 'elsewhere',
  )
  return { here, elsewhere }
}

export function addressesOf(attachments: readonly RecordedAttachment[]): Ip[] {
  return attachments.flatMap(({ addresses }) => addresses.map(({ ip }) => ip))
}
