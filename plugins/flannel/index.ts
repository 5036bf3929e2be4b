/**
 * The flannel plugin: turns what flanneld leased for this node into the configuration of another
 * plugin, bridge unless the configuration says otherwise, and calls that.
 */
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { DelegationError, withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Delegate, Plugin, Request } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'
import { withUndo } from '../../lib/cni/undo.ts'
import { parseValidAttachments, validAttachmentsKeys } from '../../lib/cni/valid-attachments.ts'
import { parseFlannelConf } from './conf.ts'
import { del } from './del.ts'
import { buildDelegateConf, extendConf } from './delegate-conf.ts'
import { rebuildConf, withPrevResult } from './rebuild-conf.ts'
import { loadConf, saveConf, sweepConfs } from './saved-conf.ts'
import { status } from './status.ts'
import { loadSubnetEnv } from './subnet-file.ts'

export const flannel: Plugin = { name: 'flannel', add, del, check, status, gc }

function add(request: Request, context: Context): Result {
  const conf = parseFlannelConf(request)
  const delegateConf = buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
  const { type, stdin } = delegateConf
  context.log.debug(`delegating to ${type} with ${stdin}`)
  return withUndo(context.log, (undo) => {
    const restore = saveConf(conf.dataDir, request, delegateConf, context.log)
    undo.add('saved configuration', restore)
    return delegateAdd(context.delegate, type, request, stdin)
  })
}

function delegateAdd(delegate: Delegate, type: string, request: Request, stdin: string): Result {
  try {
    return delegate.add(type, request, stdin)
  } catch (error) {
    if (!(error instanceof DelegationError)) throw error // what the delegate says stands alone
    return withPrefix('failed to delegate add: ', () => {
      throw error
    })
  }
}

function check(request: Request, context: Context): void {
  const conf = parseFlannelConf(request)
  const saved =
    loadConf(conf.dataDir, request, context.log) ??
    buildDelegateConf(conf, loadSubnetEnv(conf.subnetFile))
  const { type, stdin } = withPrevResult(saved, request)
  context.delegate.run('CHECK', type, request, stdin)
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
