/**
 * The portmap plugin: opens ports of the host for a container that other plugins of the chain have
 * connected, by rules of nftables or iptables.
 */
import { fullText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { nameOf } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode, withPrefix } from '../../lib/cni/errors.ts'
import type { Context, Plugin, Request } from '../../lib/cni/plugin.ts'
import {
  parsePrevResult,
  prevResultForCleanup,
  requirePrevResult,
} from '../../lib/cni/prev-result.ts'
import type { Result } from '../../lib/cni/result.ts'
import { parseValidAttachments } from '../../lib/cni/valid-attachments.ts'
import { isInstalled, programs } from '../../lib/firewall/backend.ts'
import { firewallBackends } from '../../lib/firewall/firewall.ts'
import { toolFolders } from '../../lib/firewall/tool-search.ts'
import type { Cidr } from '../../lib/ip/ip.ts'
import { ownerOf } from './attachments.ts'
import { checkForwarding } from './check.ts'
import {
  collectRecorded,
  collectUnfinished,
  collectUnreadable,
  collectUnrecorded,
  staleAmong,
} from './collect.ts'
import { cleanupConf, parsePortmapConf, type PortmapConf } from './conf.ts'
import { checkHostAddresses, containerAddresses } from './container.ts'
import { forward } from './forward.ts'
import { withLock } from './lock.ts'
import { Records } from './records.ts'
import { tearDown } from './tear-down.ts'
import { findAllTraces, findIptables, findTraces } from './traces.ts'

export const portmap: Plugin = { name: 'portmap', add, del, check, status, gc }

function add(request: Request, context: Context): Result {
  const { conf, prevResult } = withPrefix('failed to parse config: ', () => ({
    conf: parsePortmapConf(request),
    prevResult: parsePrevResult(request.conf),
  }))
  if (prevResult === undefined) {
    throw new CniError(
      ErrorCode.invalidNetworkConfig,
      'must be called as chained plugin',
      'put portmap behind the plugin that connects the container in a configuration list',
    )
  }
  if (conf.mappings.length === 0) return prevResult
  const addresses = containerAddresses(prevResult, request.ifName)
  checkHostAddresses(conf.mappings, addresses)
  if (addresses.length === 0) {
    context.log.warn('no host port leads to the container, because it has no address')
    return prevResult
  }
  withLock(conf.dataDir, context, () => forward(request, conf, addresses, context))
  return prevResult
}

/**
 * Removes what there is of the attachment, whatever ports the runtime names. Most containers have
 * none and were never recorded: the kernel is asked whether any rule names this one, which takes
 * less than a millisecond, and neither a process is started nor the lock taken.
 */
function del(request: Request, context: Context): void {
  const { log } = context
  const conf = parseForCleanup(request, log)
  const records = new Records(conf.dataDir, context)
  const name = nameOf(request)
  const owner = ownerOf(name)
  const record = records.find(name)
  const hadPorts = record !== undefined || conf.mappings.length > 0
  const places = hadPorts ? findAllTraces(owner) : findTraces(owner)
  if (record === undefined && places.length === 0) return records.removeUnfinished(name)
  const { mappings } = conf
  const departed = record ?? { ...name, mappings, addresses: addressesBefore(request, log) }
  withLock(conf.dataDir, context, () => tearDown(departed, places, conf, records, context))
}

function check(request: Request, context: Context): void {
  const conf = parsePortmapConf(request)
  const prevResult = requirePrevResult(request.conf)
  if (conf.mappings.length === 0) return
  const addresses = containerAddresses(prevResult, request.ifName)
  checkForwarding(request, conf, addresses, new Records(conf.dataDir, context), context.tools)
}

/**
 * Fails for a configuration that every ADD would refuse. That programs are missing concerns pods
 * with host ports alone, and a node that answers with an error is drained of all its pods: it is
 * warned of. Nothing is started, since the runtime asks every few seconds.
 */
function status(request: Request, { log, tools }: Context): void {
  const { backend } = parsePortmapConf(request)
  const usable = backend === undefined ? firewallBackends : [backend]
  if (usable.some((each) => isInstalled(tools, each))) return
  const missing = usable.map((each) => programs[each].join(' and '))
  log.warn(
    `no pod can have a host port: ${missing.join(', or ')} must be installed on the node, in one ` +
      `of ${toolFolders.join(', ')} or a folder of PATH that only root can write`,
  )
}

function gc(request: Request, context: Context): void {
  const { log } = context
  const conf = parseForCleanup(request, log)
  const valid = parseValidAttachments(request.conf)
  const records = new Records(conf.dataDir, context)
  const { name } = request.conf
  const known = [records.list(), records.unreadable(), records.unfinished()].flat()
  if (known.length === 0 && findIptables().length === 0) return
  withLock(conf.dataDir, context, () =>
    attemptAll([
      () => collectRecorded(staleAmong(records.list(), name, valid), conf, records, context),
      () =>
        collectUnreadable(staleAmong(records.unreadable(), name, valid), conf, records, context),
      () => collectUnfinished(staleAmong(records.unfinished(), name, valid), records),
      () => collectUnrecorded(name, valid, context),
    ]),
  )
}

/** A configuration that has become unusable must not keep anything from being removed. */
function parseForCleanup(request: Request, log: Log): PortmapConf {
  try {
    return parsePortmapConf(request)
  } catch (error) {
    log.warn(`cleaning up all the same: ${fullText(error)}`)
    return cleanupConf(request)
  }
}

function addressesBefore(request: Request, log: Log): Cidr[] {
  const result = prevResultForCleanup(request.conf, log)
  return result === undefined ? [] : containerAddresses(result, request.ifName)
}
