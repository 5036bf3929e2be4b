/** What a GC is to keep (CNI specification, section 2 "GC"). */
import { isObject } from '../base/json.ts'
import type { Attachment } from './attachment.ts'
import { CniError, ErrorCode } from './errors.ts'
import type { NetConf } from './plugin.ts'

/** The two spellings of the key: the specification's, and that of an older text of it. */
export const validAttachmentsKeys = ['cni.dev/valid-attachments', 'cni.dev/attachments'] as const

/**
 * Whether a GC's configuration says what is valid, rightly or wrongly. Without that nothing can be
 * told from what is left behind: cnitool calls so, as it knows of no attachment that it has not made.
 */
export function hasValidAttachments(conf: NetConf): boolean {
  return validAttachmentsKeys.some((name) => conf[name] !== undefined)
}

/**
 * The attachments that a GC's configuration lists as valid; Go's libcni writes an empty list as
 * null. Throws a `CniError` with code 7 when there is no list: an absent one must not be taken for
 * an empty one, which frees everything.
 */
export function parseValidAttachments(conf: NetConf): Attachment[] {
  const key =
    validAttachmentsKeys.find((name) => Array.isArray(conf[name])) ??
    validAttachmentsKeys.find((name) => conf[name] !== undefined)
  const list = key === undefined ? undefined : (conf[key] ?? [])
  if (!Array.isArray(list)) {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      `${validAttachmentsKeys[0]} must be a list`,
      'GC removes whatever is not in this list; an empty one removes everything',
    )
  }
  return list.map((item: unknown, index) => ({
    network: conf.name,
    ...parseItem(item, `${key}.${index}`),
  }))
}

function parseItem(item: unknown, path: string): Omit<Attachment, 'network'> {
  const { containerID: containerId, ifname: ifName } = isObject(item) ? item : {}
  if (typeof containerId !== 'string' || typeof ifName !== 'string') {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      `${path} must be an object with "containerID" and "ifname"`,
      `found ${JSON.stringify(item)}`,
    )
  }
  return { containerId, ifName }
}
