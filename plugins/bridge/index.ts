/**
 * The bridge plugin: a veth pair from the container to a bridge on the host, which can be the
 * container's gateway too.
 */
import { fullText } from '../../lib/base/errors.ts'
import { ErrorCode, toCniError, withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'
import { withUndo } from '../../lib/cni/undo.ts'
import { Netns } from '../../lib/linux/netns.ts'
import type { LinkRemoval } from '../../lib/net/link-removal.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { attach } from './attach.ts'
import { checkAttachment } from './check.ts'
import { checkCombination, parseBridgeConf, parseDetachConf } from './conf.ts'
import { detach, sweep } from './detach.ts'

/** The plugin, which has the links of pods deleted by `linkRemoval`. */
export function createBridge(linkRemoval: LinkRemoval): Plugin {
  const del = (request: Request, context: Context) =>
    detach(parseDetachConf(request), request, context, linkRemoval)
  return { name: 'bridge', add, del, check, status, gc }
}

function add(request: Request, context: Context): Result {
  const conf = parseBridgeConf(request)
  checkCombination(conf, request)
  using netns = openNetns(request)
  using host = Connection.open()
  using sandbox = Connection.openIn(netns)
  return withUndo(context.log, (undo) =>
    attach({ conf, request, context, places: { host, netns, sandbox }, undo }),
  )
}

function check(request: Request, context: Context): void {
  const conf = parseBridgeConf(request)
  using netns = openNetns(request)
  if (conf.ipamType !== '') {
    context.delegate.run('CHECK', conf.ipamType, request, request.stdin)
  }
  using host = Connection.open()
  using sandbox = Connection.openIn(netns)
  checkAttachment(conf, request, host, sandbox, context.tools)
}

/**
 * Whether a pod can be attached. A runtime asks every few seconds, and an error takes the node away
 * from all pods in the end: only what stays so until somebody mends it is one.
 */
function status(request: Request, context: Context): void {
  const conf = parseBridgeConf(request)
  checkCombination(conf, request)
  if (conf.ipamType === '') return
  try {
    context.delegate.run('STATUS', conf.ipamType, request, request.stdin)
  } catch (error) {
    if (toCniError(error).code !== ErrorCode.tryAgainLater) throw error
    context.log.warn(`${conf.ipamType} has no address just now: ${fullText(error)}`)
  }
}

function gc(request: Request, context: Context): void {
  sweep(parseBridgeConf(request), request, context)
}

function openNetns({ netns }: Request): Netns {
  return withPrefix(`failed to open netns "${netns}": `, () => Netns.open(netns))
}
