/** `cni check`: says whether an attachment is as it was made. */
import type { RuntimeAttachment } from '../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../lib/cni/errors.ts'
import type { NetworkConfigList } from '../lib/libcni/conf-list.ts'
import { checkNetworkList, type Runtime } from '../lib/libcni/runtime.ts'
import { requireNetns } from './node/netns.ts'

/** Checks that the attachment is as it was made, and says so. Throws a `CniError` when it is not. */
export function check(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): string {
  const { netns, ifName } = attachment
  requireNetns(netns)
  requireAttached(runtime, list, attachment)
  checkNetworkList(runtime, list, attachment)
  return list.disableCheck
    ? `not checked: network ${JSON.stringify(list.name)} has "disableCheck": true\n`
    : `${ifName} in ${netns} is as it was made\n`
}

/** Without a cached result the plugins could only say that they miss it. */
function requireAttached(
  { cache }: Runtime,
  list: NetworkConfigList,
  wanted: RuntimeAttachment,
): void {
  const { name, disableCheck } = list
  if (disableCheck || cache.readResult(wanted) !== undefined) return
  const { netns, ifName } = wanted
  throw new CniError(
    ErrorCode.unknownContainer,
    `${netns} is not attached to network ${JSON.stringify(name)} as ${ifName}`,
    `attach it first: cni add ${name} ${netns} -i ${ifName}`,
  )
}
