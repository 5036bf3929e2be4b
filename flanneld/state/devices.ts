/** Makes the agent's devices, or makes those that are there right. */
import { DetailedError, fullText, hasCode } from '../../lib/base/errors.ts'
import { indexName, type Link, linkByIndex, linkDelete, linkSet } from '../../lib/net/link.ts'
import { vxlanAdd, vxlanDefaultPort, vxlanSetLearning } from '../../lib/net/vxlan.ts'
import type { Connection } from '../../lib/netlink/connection.ts'
import { writeSysctl } from '../../lib/linux/sysctl.ts'
import type { AgentLog } from '../log.ts'
import { compareDevice, type Device } from './device.ts'

/** Finds links by name. */
interface Links {
  link(name: string): Link | undefined
  setLink(link: Link): void
}

export interface DeviceMaker {
  readonly connection: Connection
  readonly links: Links
  readonly log: AgentLog
}

/**
 * Has the device there as it is wanted, up or down as it was. One that was made has nothing on it.
 * Throws a `DetailedError`, and a `NetlinkError` when the kernel refuses.
 */
export function ensureDevice(maker: DeviceMaker, device: Device): 'nothing' | 'made' | 'changed' {
  const { connection, links, log } = maker
  const { name } = device
  const parent = links.link(device.parent)
  if (parent === undefined) {
    const message = `making ${name}: there is no interface ${device.parent}`
    throw new DetailedError(message, 'it is made as soon as the interface is back')
  }
  const link = links.link(name)
  if (link === undefined) {
    makeDevice(maker, device, parent)
    return 'made'
  }
  const change = compareDevice(device, link, {
    parentIndex: parent.index,
    defaultPort: vxlanDefaultPort(),
  })
  if (change.do === 'nothing') return 'nothing'
  if (change.do === 'replace') {
    log.warn(`making ${name} anew: ${change.because}`)
    linkDelete(connection, link.index)
    makeDevice(maker, device, parent)
    return 'made'
  }
  log.info(`changing ${name}: ${change.because}`)
  const { mtu, mac, learning } = change
  if (mtu !== undefined || mac !== undefined) linkSet(connection, link.index, { mtu, mac })
  if (learning !== undefined) vxlanSetLearning(connection, link.index, learning)
  refresh(maker, link.index)
  return 'changed'
}

/**
 * Sets a link up that takes nothing from routers, and returns whether it was down. Throws a
 * `NetlinkError`.
 */
export function raiseDevice(maker: DeviceMaker, name: string): boolean {
  const link = maker.links.link(name)
  if (link === undefined || link.up) return false
  try {
    writeSysctl(`net/ipv6/conf/${name}/accept_ra`, '0')
  } catch (error) {
    maker.log.debug(`without IPv6: ${fullText(error)}`)
  }
  linkSet(maker.connection, link.index, { up: true })
  refresh(maker, link.index)
  return true
}

function makeDevice({ connection, links, log }: DeviceMaker, device: Device, parent: Link): void {
  const { name, mac, mtu, vni, parent: on } = device
  try {
    const link = vxlanAdd(connection, { ...device, parent: parent.index })
    links.setLink(link)
    log.info(`made ${name} with MAC ${mac}, MTU ${mtu} and VNI ${vni} on ${on}`)
    if (link.mac !== mac) linkSet(connection, link.index, { mac }) // by a rule of udev
  } catch (error) {
    throw hasCode(error, 'EEXIST') ? taken(device, error) : error
  }
}

function taken({ name, vni }: Device, cause: unknown): DetailedError {
  return new DetailedError(
    `making ${name}: another vxlan device has VNI ${vni} and the same port`,
    `ip -d link show type vxlan names it; delete it, or configure another VNI or Port`,
    { cause },
  )
}

function refresh({ connection, links }: DeviceMaker, index: number): void {
  const link = linkByIndex(connection, index)
  if (link === undefined) throw new Error(`${indexName(index)} was removed meanwhile`)
  links.setLink(link)
}
