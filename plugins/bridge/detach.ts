/** What a DEL and a GC do. What is gone already is fine. */
import { errorText, hasCode } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { stage } from '../../lib/base/stage.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import { parseValidAttachments } from '../../lib/cni/valid-attachments.ts'
import { Netns } from '../../lib/linux/netns.ts'
import type { LinkRemoval } from '../../lib/net/link-removal.ts'
import { linkByName, linkList } from '../../lib/net/link.ts'
import { Connection } from '../../lib/netlink/connection.ts'
import type { BridgeConf, DetachConf } from './conf.ts'
import { deleteLink, unlessGone } from './delete-link.ts'
import { sweepMasquerade, tearDownMasquerade } from './masquerade.ts'
import { spoofCheckId, sweepSpoofChecks, tearDownSpoofCheck } from './spoof-check.ts'
import { hostVethAlias } from './veth-name.ts'
import { removeOrphan } from './veth.ts'

/**
 * Takes an attachment back: its link first, and only without that its rules and its addresses,
 * which are free when nobody can send from them. A rule that stays keeps no address: it is about a
 * container that is gone. `removal` deletes the link.
 */
export function detach(
  conf: DetachConf,
  request: Request,
  context: Context,
  removal: LinkRemoval,
): void {
  using netns = openNetnsIfThere(request, context.log)
  using sandbox = netns && Connection.openIn(netns)
  removeLink(request, removal, netns && sandbox && { netns, sandbox })
  attemptAll([
    () => removeRules(conf, request, sandbox, context),
    () => {
      if (conf.ipamType !== '') {
        context.delegate.run('DEL', conf.ipamType, request, request.stdin)
      }
    },
  ])
}

function removeRules(
  conf: DetachConf,
  request: Request,
  sandbox: Connection | undefined,
  context: Context,
): void {
  attemptAll([
    () => {
      if (conf.macspoofchk) tearDownSpoofCheck(spoofCheckId(request), context)
    },
    () => {
      if (!conf.ipMasq || conf.ipamType === '') return
      tearDownMasquerade(request, sandbox, context)
    },
  ])
}

interface Place {
  readonly netns: Netns
  readonly sandbox: Connection
}

function removeLink(request: Request, removal: LinkRemoval, place: Place | undefined): void {
  const link = place && linkByName(place.sandbox, request.ifName)
  withPrefix(`failed to delete "${request.ifName}": `, () => {
    if (place !== undefined && link !== undefined) {
      const { netns, sandbox } = place
      return stage('deletion of the link', () =>
        unlessGone(() => removal.remove(sandbox, link.index, netns)),
      )
    }
    // There is no sandbox any more, or the container gave its interface another name.
    using host = Connection.open()
    removeOrphan(host, request)
  })
}

/**
 * The sandbox, or undefined when there is none any more: then its links are gone with it. Throws when
 * it cannot be opened for another reason, and they may be there.
 */
function openNetnsIfThere({ netns }: Request, log: Log): Netns | undefined {
  if (netns === '') return undefined
  try {
    return Netns.open(netns)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR', 'ENOTNS')) throw error
    log.debug(`going on without the sandbox: ${errorText(error)}`)
    return undefined
  }
}

/**
 * Takes back what attachments to this network that are not valid any more have left, in the order of
 * a DEL.
 */
export function sweep(conf: BridgeConf, request: Request, context: Context): void {
  const valid = parseValidAttachments(request.conf)
  sweepLinks(conf.bridge, request.network, valid, context.log)
  attemptAll([
    () => sweepRules(conf, request, valid, context),
    () => {
      if (conf.ipamType !== '') {
        context.delegate.run('GC', conf.ipamType, request, request.stdin)
      }
    },
  ])
}

/** Removes rules: behind the links, because a port that is there keeps its spoof-check. */
function sweepRules(
  conf: BridgeConf,
  request: Request,
  valid: readonly Attachment[],
  context: Context,
): void {
  attemptAll([
    () => {
      if (conf.ipMasq) sweepMasquerade(request.network, valid, context)
    },
    () => {
      if (!conf.macspoofchk) return
      using host = Connection.open()
      const isPort = (name: string) => linkByName(host, name) !== undefined
      sweepSpoofChecks(valid.map(spoofCheckId), isPort, context)
    },
  ])
}

/** Deletes ports by the alias that a complete attachment has. */
function sweepLinks(
  bridgeName: string,
  network: string,
  valid: readonly Attachment[],
  log: Log,
): void {
  const keep = new Set(valid.map(hostVethAlias))
  using host = Connection.open()
  const bridge = linkByName(host, bridgeName)
  if (bridge === undefined) return
  const stale = linkList(host, { master: bridge.index, kind: 'veth' }).filter(
    ({ alias }) => alias?.startsWith(`${network}/`) && !keep.has(alias),
  )
  attemptAll(
    stale.map((link) => () => {
      log.debug(`deleting ${link.name} of ${link.alias}: its attachment is gone`)
      deleteLink(host, link)
    }),
  )
}
