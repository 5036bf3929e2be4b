import { errorText } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'

/**
 * Asks the IPAM plugin `type` for addresses. The sandbox had no interface of this attachment, so
 * whatever the plugin still holds for it is left from a call that died: a refusal is answered by
 * releasing that, and asking once more. Throws what the plugin said first.
 */
export function addIpam(type: string, request: Request, { delegate, log }: Context): Result {
  try {
    return delegate.add(type, request, request.stdin)
  } catch (error) {
    try {
      delegate.run('DEL', type, request, request.stdin)
      const result = delegate.add(type, request, request.stdin)
      log.warn(`released what an interrupted call left (${errorText(error)})`)
      return result
    } catch (second) {
      log.debug(`the second attempt failed too: ${errorText(second)}`)
      throw error
    }
  }
}
