import { fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import type { Firewall } from '../../lib/firewall/firewall.ts'
import { isStuck } from '../../lib/firewall/node-tool.ts'
import type { Family } from '../../lib/ip/ip.ts'

/**
 * Looks for rules and removes them, by `removal`. When it fails because the backend cannot be used
 * on this node for the family, trying again would not help: the failure is logged then, and no
 * error. A backend that is stuck is not asked: the runtime does not wait that long.
 */
export function attemptRemoval(
  log: Log,
  firewall: Firewall,
  family: Family,
  removal: () => void,
): void {
  try {
    removal()
  } catch (error) {
    if (isStuck(error)) throw error
    // Another call may have removed the same rules after they were found: then there are less now.
    if (firewall.problem(family) === undefined) removal()
    else log.warn(`going on without ${firewall.backend}, whose rules may stay: ${fullText(error)}`)
  }
}
