/** What the attachments of the networks have: the plugins remove it themselves. */
import { CniError } from '../../lib/cni/errors.ts'
import type { NetworkConfigList } from '../../lib/libcni/conf-list.ts'
import { gcNetworkList, type Runtime } from '../../lib/libcni/runtime.ts'
import type { NodeAttachment } from '../node/attachments.ts'
import type { Removal } from './removal.ts'

/**
 * For each network: a DEL of every attachment that a runtime keeps, and a GC that none survives,
 * by all plugins of the list that are still there.
 */
export function planAttachments(
  runtime: Runtime,
  lists: readonly NetworkConfigList[],
  attachments: readonly NodeAttachment[],
): Removal[] {
  return lists.flatMap((list) => {
    const plugins = list.plugins.filter(({ type }) => isThere(runtime, type))
    if (plugins.length === 0) return []
    const count = attachments.filter(({ network }) => network === list.name).length
    const what = `interfaces, addresses and rules of attachments to ${list.name}: ${count} known`
    const remove = () => gcNetworkList(runtime, { ...list, plugins, disableGC: false }, [])
    return [{ what, remove }]
  })
}

function isThere({ invoker, path }: Runtime, type: string): boolean {
  try {
    invoker.find(type, path)
    return true
  } catch (error) {
    if (error instanceof CniError) return false
    throw error
  }
}
