/** DEL of the flannel plugin: what ADD saved says what there is to remove. */
import { join } from 'node:path'
import { fullText } from '../../lib/base/errors.ts'
import { CniError, DelegationError, ErrorCode, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import { type FlannelConf, parseForCleanup } from './conf.ts'
import type { DelegateConf } from './delegate-conf.ts'
import { rebuildConf, withPrevResult } from './rebuild-conf.ts'
import { loadConf, removeConf } from './saved-conf.ts'
import { savedFileName } from './saved-file.ts'

/**
 * Works without subnet.env and without what ADD saved: flanneld may be gone, and so may the file.
 * What is saved is removed when the delegate has succeeded, so that a DEL can be repeated.
 */
export function del(request: Request, context: Context): void {
  const conf = parseForCleanup(request, context.log)
  const saved = loadConf(conf.dataDir, request, context.log)
  if (saved === undefined) delUnsaved(conf, request, context)
  else delSaved(conf, saved, request, context)
  removeConf(conf.dataDir, request)
}

/** The delegate that is saved has made the attachment: without it, the runtime has to try again. */
function delSaved(
  { dataDir }: FlannelConf,
  saved: DelegateConf,
  request: Request,
  { delegate }: Context,
): void {
  const { type, stdin } = withPrevResult(saved, request)
  try {
    delegate.run('DEL', type, request, stdin)
  } catch (error) {
    if (!(error instanceof DelegationError)) throw error
    const { code, message, details } = error
    const file = join(dataDir, savedFileName(request))
    const remedy = `${file} says that ${type} made this attachment: remove it if that is wrong`
    throw new CniError(code, message, `${details}; ${remedy}`, { cause: error })
  }
}

/**
 * ADD saves before it delegates, so there may be nothing to remove. A delegate that cannot be found,
 * or refuses its configuration, has never made anything then: to fail would keep the pod for ever.
 */
function delUnsaved(conf: FlannelConf, request: Request, context: Context): void {
  const { type, stdin } = withPrevResult(rebuildConf(conf, request, context), request)
  try {
    context.delegate.run('DEL', type, request, stdin)
  } catch (error) {
    const hasResult = (request.conf['prevResult'] ?? null) !== null // so an ADD has succeeded
    if (hasResult || !isRefusal(toCniError(error))) throw error
    context.log.warn(`nothing can have been added, and nothing is removed: ${fullText(error)}`)
  }
}

/** The codes of what is wrong with a configuration (CNI specification, section 5 "Error"). */
const refusals: readonly number[] = [
  ErrorCode.incompatibleVersion,
  ErrorCode.unsupportedField,
  ErrorCode.invalidNetworkConfig,
]

/** Whether ADD would fail with this too, before it does anything. */
function isRefusal(error: CniError): boolean {
  // A delegate that does not find its own, the IPAM plugin, has no code for that.
  const isMissing = /^(?:failed to find plugin |invalid plugin name: )/.test(error.message)
  return error instanceof DelegationError || isMissing || refusals.includes(error.code)
}
