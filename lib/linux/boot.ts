/** Which boot of the machine this is: what is kept on disk outlives it, namespaces and rules do not. */
import { readFileSync } from 'node:fs'
import { uptime } from 'node:os'
import { errorText } from '../base/errors.ts'
import type { Log } from '../base/log.ts'

/** The kernel's name for the time since it started (random(4)); empty when it does not say. */
export function readBootId(log: Log): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch (error) {
    log.debug(`what other boots have left is not recognized: ${errorText(error)}`)
    return ''
  }
}

/** When the machine was started, in ms since the epoch by the clock that says `nowMs`. */
export function bootTime(nowMs: number): number {
  return nowMs - uptime() * 1000
}
