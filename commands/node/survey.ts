/** A look at all that this node's attachments have left traces in. */
import { errorText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import type { Result } from '../../lib/cni/result.ts'
import type { AttachmentCache, KeptAttachment } from '../../lib/libcni/attachment-cache.ts'
import { type Link, linkList } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { mergeAttachments, type NodeAttachment } from './attachments.ts'
import { listStores, type Store } from './reservations.ts'

export interface Survey {
  readonly attachments: readonly NodeAttachment[]
  readonly stores: readonly Store[]
  /** The links of the network namespace that this process is in. */
  readonly links: readonly Link[]
}

export interface Places {
  readonly cache: AttachmentCache
  /** The folders of host-local's stores. */
  readonly networksDirs: readonly string[]
  readonly log: Log
}

/** Reads one source, `what` in words; decides what becomes of the survey when that fails. */
export type Attempt = <T>(what: string, read: () => T[]) => T[]

/** Reads all sources: each by `attempt`. */
export function surveyNode({ cache, networksDirs, log }: Places, attempt: Attempt): Survey {
  const kept = attempt('the cached results', () =>
    cache.listAll(log).map((kept) => ({ ...kept, result: readResult(cache, kept, log) })),
  )
  const stores = networksDirs.flatMap((folder) =>
    attempt(`the reservations in ${folder}`, () => listStores(folder, log)),
  )
  const links = attempt('the links', () => {
    using host = Connection.open()
    return linkList(host)
  })
  const reservations = stores.flatMap((store) => store.reservations)
  return { attachments: mergeAttachments({ kept, reservations, links }), stores, links }
}

function readResult(
  cache: AttachmentCache,
  attachment: KeptAttachment,
  log: Log,
): Result | undefined {
  try {
    return cache.readResult(attachment)
  } catch (error) {
    log.warn(`going on without a cached result: ${errorText(error)}`)
    return undefined
  }
}
