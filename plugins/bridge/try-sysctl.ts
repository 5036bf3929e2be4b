import { errorText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { writeSysctl } from '../../lib/linux/sysctl.ts'

/**
 * Sets a kernel parameter that the attachment can do without: a kernel without IPv6 does not have
 * those of IPv6, and a container's /proc/sys may be read-only.
 */
export function trySysctl(name: string, value: string, log: Log): void {
  try {
    writeSysctl(name, value)
  } catch (error) {
    log.debug(`${name} = ${value}: ${errorText(error)}`)
  }
}
