import { errorText } from '../../lib/base/errors.ts'
import { ErrorCode, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'

/**
 * Asks the IPAM plugin `type` for addresses. The sandbox had no interface of this attachment, so an
 * address that host-local, ours or Go's, holds for it is left from an ADD that died: it is released,
 * and the plugin asked once more. Throws what the plugin said first.
 */
export function addIpam(type: string, request: Request, { delegate, log }: Context): Result {
  try {
    return delegate.add(type, request, request.stdin)
  } catch (error) {
    if (type !== 'host-local' || !isLeftover(error)) throw error
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

/**
 * Whether host-local refuses since it holds an address for this container and interface. After any
 * other error a DEL heals nothing, and a plugin that knows containers but no interfaces would take
 * another one's address.
 */
function isLeftover(error: unknown): boolean {
  const { code, message } = toCniError(error)
  return code === ErrorCode.internal && message.endsWith('duplicate allocation is not allowed')
}
