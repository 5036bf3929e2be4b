/** How `cni` tells a person what went wrong. */
import type { CniError } from '../../lib/cni/errors.ts'

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
