/**
 * The bridge plugin: a veth pair from the container to a bridge on the host, which can be the
 * container's gateway too.
 */
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { errorText, withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import type { Result } from '../../lib/cni/result.ts'
import { withUndo } from '../../lib/cni/undo.ts'
import { parseValidAttachments } from '../../lib/cni/valid-attachments.ts'
import { linkByName, linkList } from '../../lib/net/link.ts'
import { Netns } from '../../lib/net/netns.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import { attach } from './attach.ts'
import { checkAttachment } from './check.ts'
import { checkCombination, parseBridgeConf, type BridgeConf } from './conf.ts'
import { deleteLink } from './delete-link.ts'
import { hostVethAlias } from './veth-name.ts'
import { removeOrphan } from './veth.ts'

export const bridge: Plugin = { name: 'bridge', add, del, check, status, gc }

function add(request: Request, context: Context): Result {
  const conf = parseBridgeConf(request)
  checkCombination(conf, request)
  using netns = openNetns(request)
  using host = Connection.open()
  using sandbox = netns.connect()
  return withUndo(context.log, (undo) =>
    attach({ conf, request, context, places: { host, netns, sandbox }, undo }),
  )
}

/** The link goes before its address: an address is free only when nobody can send from it. */
function del(request: Request, context: Context): void {
  const conf = parseBridgeConf(request)
  attemptAll([
    () => removeLink(request, context),
    () => {
      if (conf.ipamType !== '') {
        context.delegate.run('DEL', conf.ipamType, request, request.stdin)
      }
    },
  ])
}

function removeLink(request: Request, context: Context): void {
  using netns = openNetnsIfThere(request, context)
  if (netns === undefined) {
    using host = Connection.open()
    removeOrphan(host, request)
    return
  }
  using sandbox = netns.connect()
  const link = linkByName(sandbox, request.ifName)
  if (link !== undefined) {
    withPrefix(`failed to delete "${request.ifName}": `, () => deleteLink(sandbox, link))
  }
}

function check(request: Request, context: Context): void {
  const conf = parseBridgeConf(request)
  using netns = openNetns(request)
  if (conf.ipamType !== '') {
    context.delegate.run('CHECK', conf.ipamType, request, request.stdin)
  }
  using host = Connection.open()
  using sandbox = netns.connect()
  checkAttachment(conf, request, host, sandbox)
}

function status(request: Request, context: Context): void {
  const conf = parseBridgeConf(request)
  checkCombination(conf, request)
  if (conf.ipamType !== '') {
    context.delegate.run('STATUS', conf.ipamType, request, request.stdin)
  }
}

function gc(request: Request, context: Context): void {
  const conf = parseBridgeConf(request)
  attemptAll([
    () => sweepLinks(conf, request, context),
    () => {
      if (conf.ipamType !== '') {
        context.delegate.run('GC', conf.ipamType, request, request.stdin)
      }
    },
  ])
}

/** Deletes the ports of attachments to this network that are not valid any more. */
function sweepLinks(conf: BridgeConf, request: Request, { log }: Context): void {
  const valid = parseValidAttachments(request.conf)
  const keep = new Set(valid.map((attachment) => hostVethAlias({ ...request, ...attachment })))
  using host = Connection.open()
  const device = linkByName(host, conf.bridge)
  if (device === undefined) return
  const stale = linkList(host, { master: device.index, kind: 'veth' }).filter(
    ({ alias }) => alias?.startsWith(`${request.conf.name}/`) && !keep.has(alias),
  )
  attemptAll(
    stale.map((link) => () => {
      log.debug(`deleting ${link.name} of ${link.alias}: its attachment is gone`)
      deleteLink(host, link)
    }),
  )
}

function openNetns({ netns }: Request): Netns {
  return withPrefix(`failed to open netns "${netns}": `, () => Netns.open(netns))
}

/** The sandbox, or undefined when there is none any more: then its links are gone with it. */
function openNetnsIfThere({ netns }: Request, { log }: Context): Netns | undefined {
  if (netns === '') return undefined
  try {
    return Netns.open(netns)
  } catch (error) {
    log.debug(`going on without the sandbox: ${errorText(error)}`)
    return undefined
  }
}
