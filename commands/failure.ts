/** How `cni` tells a person what went wrong. */
import { CniError, ErrorCode, toCniError } from '../lib/cni/errors.ts'
import { PluginNotFound } from '../lib/cni/find-plugin.ts'
import { asRoot, remedyFor } from './remedy.ts'

/** The codes of the CNI specification in words (section 5 "Error"). */
const meanings: Readonly<Record<number, string>> = {
  0: 'unknown',
  1: 'incompatible CNI version',
  2: 'unsupported field in the network configuration',
  3: 'unknown container',
  4: 'invalid environment',
  5: 'input or output failed',
  6: 'undecodable content',
  7: 'invalid network configuration',
  8: 'invalid network namespace',
  11: 'try again later',
  50: 'the plugin is not available',
  51: 'the plugin is not available, and existing containers may have limited connectivity',
  999: 'internal error',
}

/** The lines for an error: what was tried, what failed, what to do, and the code. */
export function formatFailure(command: string, { code, message, details }: CniError): string {
  const meaning = meanings[code]
  const lines = [
    `${command}: ${message}`,
    ...(details === '' ? [] : [`details: ${details}`]),
    `code: ${code}${meaning === undefined ? '' : ` (${meaning})`}`,
  ]
  return `${lines.join('\n').replaceAll('\n', '\n  ')}\n`
}

/**
 * The error for the user with this ID: what the system has refused, and a plugin that is missing,
 * are no errors of ours, and have a remedy.
 */
export function explain(error: unknown, userId: number): CniError {
  const { code, message, details } = toCniError(error)
  const causes = causesOf(error)
  const refusal = causes.find((cause) => !(cause instanceof CniError) && 'syscall' in cause)
  const isMissing = causes.some((cause) => cause instanceof PluginNotFound)
  const isForbidden = /permission denied|operation not permitted/i.test(`${message} ${details}`)
  const remedies = [
    ...(details === '' ? [remedyFor(refusal, userId)] : [details]),
    ...(userId !== 0 && (isForbidden || isMissing) ? [asRoot(userId)] : []),
  ]
  return new CniError(
    code === ErrorCode.internal ? codeOf({ isMissing, isRefused: !!refusal || isForbidden }) : code,
    message,
    [...new Set(remedies)].filter((text) => text !== '').join('; '),
    { cause: error },
  )
}

function codeOf({ isMissing, isRefused }: { isMissing: boolean; isRefused: boolean }): number {
  if (isMissing) return ErrorCode.pluginNotAvailable
  return isRefused ? ErrorCode.ioFailure : ErrorCode.internal
}

/** An error and all that it was caused by. */
function causesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return []
  const parts: unknown[] = error instanceof AggregateError ? error.errors : []
  return [error, ...[error.cause, ...parts].flatMap(causesOf)]
}
