/** Links: the verbs of ip-link(8), with links named by their index. */
import { hasCode } from '../base/errors.ts'
import type { Ip } from '../ip/ip.ts'
import type { Connection, Request } from '../netlink/connection.ts'
import {
  type BridgePortData,
  IFF_LOWER_UP,
  IFF_PROMISC,
  IFF_UP,
  linkMessage,
  type LinkRequest,
  RTEXT_FILTER_SKIP_STATS,
  RTM_DELLINK,
  RTM_GETLINK,
  RTM_NEWLINK,
  type VxlanData,
} from '../netlink/link.ts'
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../netlink/message.ts'

// linux/if.h: IF_OPER_*, as the Go plugins spell them
const operStates = [
  'unknown',
  'not-present',
  'down',
  'lower-layer-down',
  'testing',
  'dormant',
  'up',
] as const
export type OperState = (typeof operStates)[number]

// linux/if_bridge.h: BR_STATE_*
const portStates = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const
export type PortState = (typeof portStates)[number]

/** What a link has as the port of a bridge. */
export interface BridgePort {
  readonly hairpin: boolean
  readonly isolated: boolean
  readonly state: PortState
}

export interface Link {
  readonly index: number
  readonly name: string
  /** `0a:58:0a:f4:01:01`; empty when the link has none. */
  readonly mac: string
  /** In bytes. */
  readonly mtu: number
  /** Whether it was set up: whether it works is `operState`. */
  readonly up: boolean
  /** Whether it is up and can carry frames, also where its driver leaves `operState` unknown. */
  readonly carrier: boolean
  /** Whether it was set promiscuous; `promiscuity` counts the kernel's own reasons too. */
  readonly promiscuous: boolean
  readonly promiscuity: number
  readonly operState: OperState
  /** `bridge`, `veth`, …; absent for hardware and the loopback. */
  readonly kind?: string
  /** The index of the bridge that it is a port of. */
  readonly master?: number
  /**
   * The index of the link that this one is tied to (IFLA_LINK): of a veth its peer, of a VLAN
   * device the one below it. In the namespace `parentNetnsId`.
   */
  readonly parent?: number
  /** Our namespace's number for the parent's; absent when that is our own. */
  readonly parentNetnsId?: number
  readonly alias?: string
  /** For a bridge. */
  readonly vlanFiltering?: boolean
  /** For the port of a bridge. */
  readonly port?: BridgePort
  /** For a vxlan device. */
  readonly vxlan?: Vxlan
}

/** What a vxlan device has of its own. */
export interface Vxlan {
  readonly vni: number
  /** The index of the link that carries the packets; absent when routes decide. */
  readonly parent?: number
  /** The UDP port of all ends of the tunnel. */
  readonly port: number
  /** From where it sends; absent when the kernel chooses for each packet. */
  readonly local?: Ip
  /** Whether it learns from what it receives where a MAC is. */
  readonly learning: boolean
  /** Whether it carries marks of the packet filter (group based policy). */
  readonly gbp: boolean
}

/** The link with this name, or undefined; throws a `NetlinkError`. */
export function linkByName(connection: Connection, name: string): Link | undefined {
  return linkOf(connection, getLink(`link show ${name}`, { name }))
}

/** The link with this index, or undefined; throws a `NetlinkError`. */
export function linkByIndex(connection: Connection, index: number): Link | undefined {
  return linkOf(connection, getLink(`link show ${indexName(index)}`, { index }))
}

/** All links, or those with this master or kind. For diagnostics: a node has very many. */
export function linkList(
  connection: Connection,
  { master, kind }: { master?: number; kind?: string } = {},
): Link[] {
  const request = getLink('link show', { master, info: kind === undefined ? undefined : { kind } })
  return connection
    .execute({ ...request, flags: NLM_F_DUMP })
    .map(({ payload }) => decodeLink(payload))
    .filter((link) => master === undefined || link.master === master)
    .filter((link) => kind === undefined || link.kind === kind)
}

export interface NewVeth {
  readonly name: string
  /** In bytes. */
  readonly mtu?: number | undefined
  readonly mac?: string | undefined
  /** The index of the bridge to make it a port of. */
  readonly master?: number | undefined
  readonly peer: {
    readonly name: string
    /** In bytes. */
    readonly mtu?: number | undefined
    readonly mac?: string | undefined
    /** The file descriptor of the namespace that the peer is born in; absent for the same. */
    readonly netns?: number | undefined
  }
}

/**
 * Creates a veth pair, each end where it belongs, and returns this end, which is up and a port of
 * its bridge already. The peer is down: the kernel refuses to set both up in one request. Throws a
 * `NetlinkError`: `EEXIST` when either name is taken.
 */
export function vethAdd(connection: Connection, { peer, ...end }: NewVeth): Link {
  const { netns: netnsFd, ...peerEnd } = peer
  const create: Request = {
    operation: `link add ${end.name} type veth peer ${peer.name}`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: linkMessage.encode({
      ...end,
      flags: IFF_UP,
      change: IFF_UP,
      info: { kind: 'veth', veth: { peer: { ...peerEnd, netnsFd } } },
    }),
  }
  return createdLink(connection, create, end.name)
}

export interface NewBridge {
  readonly name: string
  /** In bytes. */
  readonly mtu?: number | undefined
  /** Pins the address: it no longer follows the ports. */
  readonly mac?: string | undefined
  readonly vlanFiltering?: boolean | undefined
}

/**
 * Creates a bridge, which is down, and returns it. Throws a `NetlinkError`: `EEXIST` when the name
 * is taken, `ENOTSUP` for VLAN filtering in a kernel without it.
 */
export function bridgeAdd(connection: Connection, bridge: NewBridge): Link {
  const { vlanFiltering, ...link } = bridge
  const create: Request = {
    operation: `link add ${link.name} type bridge`,
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: linkMessage.encode({ ...link, info: { kind: 'bridge', bridge: { vlanFiltering } } }),
  }
  return createdLink(connection, create, link.name)
}

/** Has a link made, and returns it as the kernel has it. */
export function createdLink(connection: Connection, create: Request, name: string): Link {
  const [, shown] = connection.executeAll([create, getLink(`link show ${name}`, { name })])
  const [message] = shown ?? []
  if (message === undefined) throw new Error(`${create.operation}: the kernel did not show it`)
  return decodeLink(message.payload)
}

export interface LinkChanges {
  readonly up?: boolean | undefined
  /** In bytes. */
  readonly mtu?: number | undefined
  readonly mac?: string | undefined
  /** The index of a bridge to be a port of; 0 for none. */
  readonly master?: number | undefined
  readonly promiscuous?: boolean | undefined
  readonly alias?: string | undefined
}

/** Changes what is given and leaves the rest; throws a `NetlinkError`. */
export function linkSet(connection: Connection, index: number, changes: LinkChanges): void {
  const { up, promiscuous, ...attributes } = changes
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  connection.execute({
    operation: `link set ${indexName(index)} ${given.flat().join(' ')}`,
    type: RTM_NEWLINK,
    payload: linkMessage.encode({
      index,
      flags: (up ? IFF_UP : 0) | (promiscuous ? IFF_PROMISC : 0),
      change: (up === undefined ? 0 : IFF_UP) | (promiscuous === undefined ? 0 : IFF_PROMISC),
      ...attributes,
    }),
  })
}

/** Deletes a link, a veth with its peer. Throws a `NetlinkError`: `ENODEV` when there is none. */
export function linkDelete(connection: Connection, index: number): void {
  connection.execute(deletion(index))
}

/** Sends what deletes a link, and returns what waits for the kernel's answer. Throws as that does. */
export function postLinkDelete(connection: Connection, index: number): () => void {
  return connection.post(deletion(index))
}

function deletion(index: number): Request {
  const payload = linkMessage.encode({ index })
  return { operation: `link delete ${indexName(index)}`, type: RTM_DELLINK, payload }
}

/** How errors name a link that is known by its index only. */
export function indexName(index: number): string {
  return `if${index}`
}

function getLink(operation: string, link: LinkRequest): Request {
  const payload = linkMessage.encode({ ...link, extMask: RTEXT_FILTER_SKIP_STATS })
  return { operation, type: RTM_GETLINK, payload }
}

function linkOf(connection: Connection, request: Request): Link | undefined {
  try {
    const [message] = connection.execute(request)
    return message && decodeLink(message.payload)
  } catch (error) {
    if (hasCode(error, 'ENODEV')) return undefined
    throw error
  }
}

/** A link of a message's payload. Throws a `RangeError` for what is malformed. */
export function decodeLink(payload: Uint8Array): Link {
  const message = linkMessage.decode(payload)
  const { name = '', mac = '', mtu = 0, master, parent, parentNetnsId, alias, info } = message
  const port = info?.bridgePort
  return {
    index: message.index,
    name,
    mac,
    mtu,
    up: (message.flags & IFF_UP) !== 0,
    carrier: (message.flags & IFF_LOWER_UP) !== 0,
    promiscuous: (message.flags & IFF_PROMISC) !== 0,
    promiscuity: message.promiscuity ?? 0,
    operState: operStates[message.operState ?? 0] ?? 'unknown',
    ...(info?.kind !== undefined && { kind: info.kind }),
    ...(master !== undefined && { master }),
    ...(parent !== undefined && { parent }),
    ...(parentNetnsId !== undefined && { parentNetnsId }),
    ...(alias !== undefined && { alias }),
    ...(info?.kind === 'bridge' && { vlanFiltering: info.bridge?.vlanFiltering ?? false }),
    ...(port !== undefined && { port: decodePort(port) }),
    ...(info?.vxlan !== undefined && { vxlan: decodeVxlan(info.vxlan) }),
  }
}

function decodePort({ hairpin, isolated, state }: BridgePortData): BridgePort {
  return {
    hairpin: hairpin ?? false,
    isolated: isolated ?? false,
    state: portStates[state ?? 0] ?? 'disabled',
  }
}

function decodeVxlan({ vni, parent, port, localIpv4, localIpv6, learning, gbp }: VxlanData): Vxlan {
  const local = localIpv4 ?? localIpv6
  return {
    vni: vni ?? 0,
    ...(parent !== undefined && { parent }),
    port: port ?? 0,
    ...(local !== undefined && { local }),
    learning: learning ?? false,
    gbp: gbp ?? false,
  }
}
