/**
 * STATUS of the flannel plugin. A runtime asks every few seconds, and a node that is not ready gets
 * no pods, and loses its own after some minutes: so only what stays until somebody does something is
 * a reason to fail.
 */
import { fullText, hasCode } from '../../lib/base/errors.ts'
import { CniError, ErrorCode, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import { parseFlannelConf } from './conf.ts'
import { buildDelegateConf } from './delegate-conf.ts'
import { loadSubnetEnv } from './subnet-file.ts'

/**
 * Throws a `CniError` when ADDs fail until somebody does something: code 7 for a wrong configuration,
 * 51 when the delegate says so, else 50. What passes by itself is logged.
 */
export function status(request: Request, context: Context): void {
  const conf = parseFlannelConf(request)
  unless(isShortage, context, () => {
    const { type, stdin } = buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
    unless(isBusy, context, () => context.delegate.run('STATUS', type, request, stdin))
  })
}

/** Runs a part of STATUS; what it throws is logged if it passes by itself, and else is the status. */
function unless(passes: (error: CniError) => boolean, { log }: Context, part: () => void): void {
  try {
    part()
  } catch (error) {
    const known = toCniError(error)
    if (!passes(known)) throw asStatus(known)
    log.warn(`ready, although there is trouble that passes: ${fullText(known)}`)
  }
}

/** Whether the node had too little of something to read a file. */
function isShortage({ cause }: CniError): boolean {
  return hasCode(cause, 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR')
}

/** Whether the delegate could only not tell right now. */
function isBusy({ code }: CniError): boolean {
  return code === ErrorCode.tryAgainLater
}

/** The codes of STATUS. Whatever else an ADD would fail with means: not available. */
const statusCodes: readonly number[] = [
  ErrorCode.invalidNetworkConfig,
  ErrorCode.pluginNotAvailable,
  ErrorCode.limitedConnectivity,
]

function asStatus(error: CniError): CniError {
  const { code, message, details } = error
  if (statusCodes.includes(code)) return error
  return new CniError(ErrorCode.pluginNotAvailable, message, details, { cause: error })
}
