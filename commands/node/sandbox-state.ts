/** What the sandbox of an attachment looks like now. */
import { hasCode } from '../../lib/base/errors.ts'
import type { Cidr } from '../../lib/ip/ip.ts'
import { Netns } from '../../lib/linux/netns.ts'
import { addressList } from '../../lib/net/address.ts'
import { type Link, linkByName } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import type { NodeAttachment } from './attachments.ts'

export type SandboxState =
  /** There is no such namespace any more. */
  | { readonly state: 'gone' }
  /** Nobody knows where it is, or this process may not look. */
  | { readonly state: 'unknown' }
  | {
      readonly state: 'there'
      /** The attachment's interface; undefined when there is none. */
      readonly link: Link | undefined
      readonly addresses: readonly Cidr[]
    }

/** Looks into the sandbox of an attachment. */
export function inspectSandbox({ netns: path, ifName }: NodeAttachment): SandboxState {
  if (path === '') return { state: 'unknown' }
  try {
    using netns = Netns.open(path)
    using sandbox = Connection.openIn(netns)
    const link = linkByName(sandbox, ifName)
    const addresses = link === undefined ? [] : addressList(sandbox, link.index)
    return { state: 'there', link, addresses: addresses.map(({ cidr }) => cidr) }
  } catch (error) {
    // A runtime mounts a namespace on an empty file, which outlives it.
    if (hasCode(error, 'ENOENT', 'ENOTDIR', 'ENOTNS')) return { state: 'gone' }
    if (hasCode(error, 'EPERM', 'EACCES')) return { state: 'unknown' }
    throw error
  }
}
