/** The delegate's configuration for the commands behind ADD. */
import { errorText } from '../../lib/base/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import { prevResultForCleanup } from '../../lib/cni/prev-result.ts'
import { emptyResult } from '../../lib/cni/result.ts'
import type { FlannelConf } from './conf.ts'
import {
  buildCleanupConf,
  buildDelegateConf,
  type DelegateConf,
  extendConf,
} from './delegate-conf.ts'
import { loadSubnetEnv } from './subnet-file.ts'

/** The delegate's configuration when none was saved, from what there still is. */
export function rebuildConf(conf: FlannelConf, request: Request, { log }: Context): DelegateConf {
  try {
    return buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
  } catch (error) {
    log.debug(`cleaning up with what is known: ${errorText(error)}`)
    const { ips } = prevResultForCleanup(request.conf, log) ?? emptyResult
    return buildCleanupConf(
      conf,
      ips.map(({ address }) => address),
    )
  }
}

/**
 * The prevResult of the chain is that of the delegate too: flannel adds nothing to it. It goes with
 * the version that it is in, which may be newer than what was saved.
 */
export function withPrevResult(saved: DelegateConf, { conf }: Request): DelegateConf {
  const { prevResult, cniVersion } = conf
  return prevResult === undefined ? saved : extendConf(saved, { cniVersion, prevResult })
}
