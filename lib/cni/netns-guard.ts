import { type BigIntStats, statSync } from 'node:fs'
import { errorText } from '../base/errors.ts'
import { CniError, ErrorCode } from './errors.ts'
import type { Request } from './plugin.ts'

/**
 * Refuses an ADD or DEL whose sandbox is the namespace that this thread is in: the plugin would
 * work on the host's own interfaces. Throws a `CniError` with code 8, before anything is done. A
 * path that cannot be opened is judged by the plugin. CNI_NETNS_OVERRIDE switches this off.
 */
export function checkNetns(request: Request): void {
  if (!isChecked(request)) return
  const { netns, env } = request
  if (/^(?:1|true)$/i.test(env['CNI_NETNS_OVERRIDE'] ?? '') || netns === '') return
  const own = statOwnNetns()
  const sandbox = statIfThere(netns)
  if (sandbox?.dev === own.dev && sandbox.ino === own.ino) {
    throw new CniError(
      ErrorCode.invalidNetns,
      "plugin's netns and netns from CNI_NETNS should not be the same",
      `CNI_NETNS=${netns} is the namespace of the host; set CNI_NETNS_OVERRIDE=1 if that is meant`,
    )
  }
}

/** Whether the request's command is one for which the sandbox is checked. */
export function isChecked({ command }: Pick<Request, 'command'>): boolean {
  return command === 'ADD' || command === 'DEL'
}

function statOwnNetns(): BigIntStats {
  try {
    return statSync('/proc/thread-self/ns/net', { bigint: true })
  } catch (error) {
    throw new CniError(
      ErrorCode.invalidNetns,
      "get plugin's netns failed",
      `${errorText(error)}; plugins need /proc mounted`,
      { cause: error },
    )
  }
}

function statIfThere(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true })
  } catch {
    return undefined // whatever is wrong with it, the plugin says so if it minds
  }
}
