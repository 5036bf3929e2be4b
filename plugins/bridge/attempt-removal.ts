import { type DetailedError, fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import type { FirewallBackend } from '../../lib/firewall/backend.ts'
import { isStuck } from '../../lib/firewall/node-tool.ts'

/**
 * Looks for rules and removes them, by `removal`. When it fails because the backend cannot be used
 * on this node, as `problem` says, trying again would not help: the failure is logged then, and no
 * error. A backend that is stuck is not asked: the runtime does not wait that long.
 */
export function attemptRemoval(
  backend: FirewallBackend,
  log: Log,
  removal: () => void,
  problem: () => DetailedError | undefined,
): void {
  try {
    removal()
  } catch (error) {
    if (isStuck(error)) throw error
    // Another call may have removed the same rules after they were found: then there are less now.
    if (problem() === undefined) removal()
    else log.warn(`going on without ${backend}, whose rules may stay: ${fullText(error)}`)
  }
}
