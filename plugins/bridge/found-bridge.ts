/** A bridge that was there before, without a mark: whose it is, and how it is left when the ADD fails. */
import { hasCode } from '../../lib/base/errors.ts'
import { interfaceSysctl, readSysctl } from '../../lib/linux/sysctl.ts'
import { addressList } from '../../lib/net/address.ts'
import { type Link, linkByIndex, linkByName, linkList, linkSet } from '../../lib/net/link.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import type { Attaching } from './attaching.ts'
import { isMadeByGo } from './gateway-conflict.ts'
import { canMark, isMarked, joinedMark, madeMark, type Mark, markedAddresses } from './mark.ts'
import { trySysctl } from './try-sysctl.ts'

/** So long another ADD may take from making a bridge to marking it, in ms. */
const markingMs = 100
const stepMs = 10

/**
 * The bridge of the configuration, which is there: with its mark, if another ADD on this node makes
 * it just now. That ADD alone writes the first mark, or it would write over what comes behind it.
 */
export function awaitMark({ conf, context, places: { host } }: Attaching): Link {
  for (let waitedMs = 0; ; waitedMs += stepMs) {
    const bridge = linkByName(host, conf.bridge)
    if (bridge === undefined) throw new Error(`bridge ${conf.bridge} was deleted meanwhile`)
    if (waitedMs >= markingMs || !isBeingMade(host, bridge)) return bridge
    context.sleep(stepMs)
  }
}

/** An ADD marks the bridge that it has made, and sets it up, in one step. */
function isBeingMade(host: Connection, bridge: Link): boolean {
  const isNew = bridge.kind === 'bridge' && bridge.alias === undefined && !bridge.up
  return isNew && isBare(host, bridge)
}

/** Whether nobody has done anything with it. */
function isBare(host: Connection, { index }: Link): boolean {
  return linkList(host, { master: index }).length === 0 && addressList(host, index).length === 0
}

/**
 * The mark for a bridge that has none. When the ADD fails, the bridge gets back what `ensureBridge`
 * changes; only its MAC, which keeps its value, is set for good.
 */
export function markFoundBridge(attaching: Attaching, bridge: Link): Mark {
  const { host } = attaching.places
  const ports = linkList(host, { master: bridge.index })
  const addresses = addressList(host, bridge.index)
  // An ADD on this node has made the bridge, and was interrupted.
  if (!bridge.up && ports.length === 0 && addresses.length === 0) return madeMark
  putBackOnFailure(attaching, bridge, ports)
  return isMadeByGo({ device: bridge, present: addresses }, ports) ? madeMark : joinedMark
}

function putBackOnFailure(
  { places: { host }, context: { log }, undo }: Attaching,
  bridge: Link,
  ports: readonly Link[],
): void {
  const acceptRa = interfaceSysctl('ipv6', bridge.name, 'accept_ra')
  const accepted = readIfThere(acceptRa)
  const isUsed = () =>
    linkList(host, { master: bridge.index }).some(
      ({ index }) => !ports.some((port) => port.index === index),
    )
  undo.add(`bridge ${bridge.name}`, () => {
    const now = linkByIndex(host, bridge.index)
    if (now === undefined || isUsed()) return
    putBack(host, bridge, now)
    if (accepted !== undefined) trySysctl(acceptRa, accepted, log)
    // An ADD that has joined it meanwhile, and looked before this. One that looks now sets it up.
    if (isUsed()) linkSet(host, bridge.index, { up: now.up, promiscuous: now.promiscuous })
  })
}

/** Gives a bridge what it had before; addresses that it has got by now keep their mark. */
function putBack(host: Connection, before: Link, now: Link): void {
  const isOurs = isMarked(now.alias) && markedAddresses(now.alias).length === 0
  linkSet(host, before.index, {
    alias: isOurs && canMark(before.alias) ? '' : undefined,
    up: before.up,
    promiscuous: before.promiscuous,
  })
}

/** The value of a kernel parameter; undefined where the kernel does not have it. */
function readIfThere(name: string): string | undefined {
  try {
    return readSysctl(name)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}
