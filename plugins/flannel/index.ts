/**
 * The flannel plugin: turns what flanneld leased for this node into the configuration of another
 * plugin, bridge unless the configuration says otherwise, and calls that.
 */
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, errorText, hasCode, toCniError } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import { prevResultForCleanup } from '../../lib/cni/prev-result.ts'
import { emptyResult, type Result } from '../../lib/cni/result.ts'
import { withUndo } from '../../lib/cni/undo.ts'
import { parseValidAttachments, validAttachmentsKeys } from '../../lib/cni/valid-attachments.ts'
import { readSmallFile } from '../../lib/files.ts'
import { parseFlannelConf, type FlannelConf } from './conf.ts'
import {
  buildCleanupConf,
  buildDelegateConf,
  extendConf,
  type DelegateConf,
} from './delegate-conf.ts'
import { loadConf, removeConf, saveConf, sweepConfs } from './saved-conf.ts'
import { parseSubnetEnv, type SubnetEnv } from './subnet-env.ts'

export const flannel: Plugin = { name: 'flannel', add, del, check, status, gc }

function add(request: Request, context: Context): Result {
  const conf = parseFlannelConf(request)
  const delegateConf = buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
  const { type, stdin } = delegateConf
  context.log.debug(`delegating to ${type} with ${stdin}`)
  return withUndo(context.log, (undo) => {
    const restore = saveConf(conf.dataDir, request, delegateConf, context.log)
    undo.add('saved configuration', restore)
    return context.delegate.add(type, request, stdin)
  })
}

/**
 * Works without subnet.env and without what ADD saved: flanneld may be gone, and so may the file.
 * What is saved is removed when the delegate has succeeded, so that a DEL can be repeated.
 */
function del(request: Request, context: Context): void {
  const conf = parseFlannelConf(request)
  const saved = loadConf(conf.dataDir, request, context.log)
  const { type, stdin } = withPrevResult(saved ?? rebuildConf(conf, request, context), request)
  context.delegate.run('DEL', type, request, stdin)
  removeConf(conf.dataDir, request)
}

function check(request: Request, context: Context): void {
  const conf = parseFlannelConf(request)
  const saved =
    loadConf(conf.dataDir, request, context.log) ??
    buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
  const { type, stdin } = withPrevResult(saved, request)
  context.delegate.run('CHECK', type, request, stdin)
}

/** The codes of STATUS. Whatever else an ADD would fail with means: not available. */
const statusCodes: readonly number[] = [
  ErrorCode.invalidNetworkConfig,
  ErrorCode.pluginNotAvailable,
  ErrorCode.limitedConnectivity,
]

/** Fails when an ADD would: with code 50, or 7 when the configuration is wrong. */
function status(request: Request, context: Context): void {
  const conf = parseFlannelConf(request)
  try {
    const { type, stdin } = buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
    context.delegate.run('STATUS', type, request, stdin)
  } catch (error) {
    const { code, message, details } = toCniError(error)
    const kept = statusCodes.includes(code) ? code : ErrorCode.pluginNotAvailable
    throw new CniError(kept, message, details, { cause: error })
  }
}

function gc(request: Request, context: Context): void {
  const startMs = context.now()
  const conf = parseFlannelConf(request)
  const valid = parseValidAttachments(request.conf)
  const lists = validAttachmentsKeys.map((key) => [key, request.conf[key]] as const)
  const { type, stdin } = extendConf(rebuildConf(conf, request, context), Object.fromEntries(lists))
  attemptAll([
    () => context.delegate.run('GC', type, request, stdin),
    () => sweepConfs(conf.dataDir, conf.name, valid, startMs, context.log),
  ])
}

/** The delegate's configuration when none was saved, from what there still is. */
function rebuildConf(conf: FlannelConf, request: Request, { log }: Context): DelegateConf {
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
function withPrevResult(saved: DelegateConf, { conf }: Request): DelegateConf {
  const { prevResult, cniVersion } = conf
  return prevResult === undefined ? saved : extendConf(saved, { cniVersion, prevResult })
}

function loadSubnetEnv(file: string): SubnetEnv {
  try {
    return parseSubnetEnv(readSmallFile(file), file)
  } catch (error) {
    const { code, details } = hasCode(error, 'ENOENT', 'ENOTDIR')
      ? { code: ErrorCode.tryAgainLater, details: missingSubnetEnv(file) }
      : toCniError(error)
    throw new CniError(
      code,
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
