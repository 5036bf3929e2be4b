/** What the kernel tells that the agent does not know. */
import { type Change, decodeChange } from '../../lib/net/change.ts'
import type { Message } from '../../lib/netlink/message.ts'
import { RTM_DELNEIGH, RTM_NEWNEIGH } from '../../lib/netlink/neighbour.ts'
import { RTM_DELROUTE, RTM_NEWROUTE } from '../../lib/netlink/route.ts'

const ofEntries: readonly number[] = [RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEIGH, RTM_DELNEIGH]

/**
 * The changes that others have made: what the socket with this port has asked for was noted when the
 * kernel acknowledged it. Of links everything counts, and of FDB entries the kernel does not say who
 * has asked.
 */
export function changesByOthers(messages: readonly Message[], ownPort: number): Change[] {
  return messages
    .filter(({ type, port }) => port !== ownPort || ownPort === 0 || !ofEntries.includes(type))
    .flatMap(decodeChange)
}
