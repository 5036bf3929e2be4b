import { fullText, type CniError } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import type { FirewallBackend } from '../../lib/net/firewall-backend.ts'

/**
 * Removes rules by `removal`. When it fails because the backend cannot be used on this node, as
 * `problem` says, trying again would not help: the failure is logged then, and no error.
 */
export function unlessUnusable(
  backend: FirewallBackend,
  log: Log,
  removal: () => void,
  problem: () => CniError | undefined,
): void {
  try {
    removal()
  } catch (error) {
    if (problem() === undefined) throw error
    log.warn(`going on without ${backend}, whose rules may stay: ${fullText(error)}`)
  }
}
