import type { Attachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { type Cidr, family } from '../../lib/ip/ip.ts'
import { addressesOf, forwardingOf, ownerOf, siblingsOf } from './attachments.ts'
import { backends } from './backends.ts'
import type { ForwardOptions } from './conf.ts'
import { forgetConnections } from './conntrack.ts'
import type { PortMapping } from './mapping.ts'
import type { Records } from './records.ts'
import { families, type Place } from './traces.ts'

/** An attachment that is to go, and what is known of it. */
export interface Departed extends Attachment {
  readonly addresses: readonly Cidr[]
  readonly mappings: readonly PortMapping[]
}

/**
 * Removes the rules of an attachment from the places, then the connections by its ports, then its
 * record. Other attachments of the container keep theirs. Throws a `CniError`, and leaves the
 * record for another attempt, when rules could not be removed.
 */
export function tearDown(
  departed: Departed,
  places: readonly Place[],
  options: ForwardOptions,
  records: Records,
  { log, tools }: Context,
): void {
  const { here, elsewhere } = siblingsOf(departed, records.list())
  const removal = { owners: [ownerOf(departed)], keep: addressesOf(elsewhere) }
  attemptAll(
    places.map(({ backend, family: of }) => () => {
      const siblings = here.filter((sibling) => sibling.backend === backend)
      const remaining = forwardingOf(of, options, siblings)
      backends[backend].list(tools, of, remaining).change(removal, remaining)
    }),
  )
  for (const of of families) {
    const address = departed.addresses.find(({ ip }) => family(ip) === of)
    // only when no address is known, connections that anybody answers have to go
    if (address === undefined && departed.addresses.length > 0) continue
    forgetConnections(of, departed.mappings, address?.ip, log)
  }
  records.remove(departed)
}
