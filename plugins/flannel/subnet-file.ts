/** The file subnet.env, and what to do when it is not there. */
import { detailsOf, errorText, hasCode } from '../../lib/base/errors.ts'
import { readSmallFile } from '../../lib/base/files.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import {
  IncompleteSubnetEnv,
  parseSubnetEnv,
  type SubnetEnv,
} from '../../lib/flannel/subnet-env.ts'

/**
 * Reads what flanneld has leased for this node. Throws a `CniError`: code 11 when it is not there or
 * not complete yet, 999 when it cannot be used.
 */
export function loadSubnetEnv(file: string): SubnetEnv {
  try {
    return parseSubnetEnv(readSmallFile(file), file)
  } catch (error) {
    const isMissing = hasCode(error, 'ENOENT', 'ENOTDIR')
    const isAwaited = isMissing || error instanceof IncompleteSubnetEnv
    const details = isMissing ? missingSubnetEnv(file) : detailsOf(error)
    throw new CniError(
      isAwaited ? ErrorCode.tryAgainLater : ErrorCode.internal,
      `failed to load flannel 'subnet.env' file: ${errorText(error)}. ` +
        'Check the flannel pod log for this node.',
      details === '' ? `${file} must be a readable file, which flanneld writes` : details,
      { cause: error },
    )
  }
}

function missingSubnetEnv(file: string): string {
  return (
    `flanneld writes ${file} once it has a lease for this node, and has not done so since the ` +
    'node started. Look at it with: kubectl -n kube-flannel get pods -o wide; ' +
    'kubectl -n kube-flannel logs <the pod on this node>. If flannel was uninstalled, remove its ' +
    'conflist from /etc/cni/net.d'
  )
}
