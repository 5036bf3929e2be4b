/** `cni del`: removes an attachment. */
import type { RuntimeAttachment } from '../lib/cni/attachment.ts'
import type { NetworkConfigList } from '../lib/libcni/conf-list.ts'
import { delNetworkList, type Runtime } from '../lib/libcni/runtime.ts'

/** Removes the attachment; nothing is said when that succeeds, or when there is none. */
export function del(
  runtime: Runtime,
  list: NetworkConfigList,
  attachment: RuntimeAttachment,
): string {
  delNetworkList(runtime, list, attachment)
  return ''
}
