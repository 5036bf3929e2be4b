import { nameOf } from '../../lib/cni/attachment.ts'
import type { Context, Request } from '../../lib/cni/plugin.ts'
import { type Undo, withUndo } from '../../lib/cni/undo.ts'
import { detectBackend } from '../../lib/firewall/backend.ts'
import { type Cidr, family } from '../../lib/ip/ip.ts'
import { readBootId } from '../../lib/linux/boot.ts'
import { identifyNetns } from '../../lib/linux/netns-id.ts'
import { addressesOf, forwardingOf, ownerOf, siblingsOf } from './attachments.ts'
import { backends } from './backends.ts'
import type { PortmapConf } from './conf.ts'
import { forgetConnections } from './conntrack.ts'
import { type RecordedAttachment, Records } from './records.ts'
import { departedOwners, departedRivals, type Surroundings } from './rivals.ts'
import { routeLocalnet } from './route-localnet.ts'
import { tearDown } from './tear-down.ts'
import { findAllTraces } from './traces.ts'

/**
 * Opens the host ports of an attachment, in place of what rules it had. Ports of containers that
 * are gone are taken over. Throws a `CniError`, and then leaves no rule, when a port is taken.
 */
export function forward(
  request: Request,
  conf: PortmapConf,
  addresses: readonly Cidr[],
  context: Context,
): void {
  const { log, tools } = context
  const records = new Records(conf.dataDir, context)
  const known = records.list()
  const attachment: RecordedAttachment = {
    ...nameOf(request),
    netns: request.netns,
    netnsId: identifyNetns(request.netns),
    bootId: readBootId(context.log),
    backend: conf.backend ?? detectBackend(tools),
    isConditional: Object.values(conf.conditions).some((words) => words.length > 0),
    addresses,
    mappings: conf.mappings,
  }
  const around = { known, dataDir: conf.dataDir, context }
  for (const rival of departedRivals(attachment, around)) {
    log.warn(`removing the host ports of container ${rival.containerId}, which no longer exists`)
    tearDown(rival, findAllTraces(ownerOf(rival)), conf, records, context)
  }
  withUndo(log, (undo) => openPorts({ attachment, around, conf, records, undo }))
}

interface Job {
  readonly attachment: RecordedAttachment
  readonly around: Surroundings
  readonly conf: PortmapConf
  readonly records: Records
  readonly undo: Undo
}

/** Looks at the rules of both families before those of either are changed. */
function openPorts({ attachment, around, conf, records, undo }: Job): void {
  const { log, tools } = around.context
  const { here, elsewhere } = siblingsOf(attachment, around.known)
  const removal = { owners: [ownerOf(attachment)], keep: addressesOf(elsewhere) }
  const backend = backends[attachment.backend]
  const siblings = here.filter((sibling) => sibling.backend === attachment.backend)
  const plans = attachment.addresses.flatMap(({ ip }) => {
    const of = family(ip)
    const forwarding = forwardingOf(of, conf, [attachment, ...siblings])
    if (forwarding === undefined) return []
    const rules = backend.list(tools, of, forwarding)
    const departed = departedOwners(attachment, rules.claims, around)
    return [{ ip, of, forwarding, rules, departed }]
  })
  undo.add('record', records.save(attachment))
  for (const { ip, of, forwarding, rules, departed } of plans) {
    rules.change({ ...removal, owners: [...removal.owners, ...departed] }, forwarding)
    undo.add('rules', () => {
      const remaining = forwardingOf(of, conf, siblings)
      backend.list(tools, of, remaining).change(removal, remaining)
    })
    if (of === 4 && conf.snat) routeLocalnet(ip)
    forgetConnections(of, attachment.mappings, undefined, log)
  }
}
