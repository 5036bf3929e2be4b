import { hasCode } from '../../lib/base/errors.ts'
import { type Link, linkDelete, linkList } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'

/** Deletes a link; one that is gone already is fine. */
export function deleteLink(connection: Connection, { index }: Pick<Link, 'index'>): void {
  unlessGone(() => linkDelete(connection, index))
}

/** Does something to a link; one that is gone already is fine. */
export function unlessGone(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!hasCode(error, 'ENODEV')) throw error
  }
}

/**
 * Deletes a link that was made for every pod on the bridge, unless the bridge has got another port
 * meanwhile: somebody uses both then.
 */
export function deleteUnused(host: Connection, link: Link, bridge: Link): void {
  const others = linkList(host, { master: bridge.index }).filter(
    ({ index }) => index !== link.index,
  )
  if (others.length === 0) deleteLink(host, link)
}
