/** Which boot of the machine this is: what is kept on disk outlives it, namespaces and rules do not. */
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { errorText } from './cni/errors.ts'
import type { Context, Log } from './cni/plugin.ts'

/** The kernel's name for the time since it started (random(4)); empty when it does not say. */
export function readBootId(log: Log): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    log.debug(`what other boots have left is not recognized: ${errorText(error)}`)
    return ''
  }
}

/** When the machine was started, in ms since the epoch by the clock as it is set now. */
export function bootTime({ now }: Pick<Context, 'now'>): number {
  return now() - uptime() * 1000
}
