/** What both backends are told, and what they tell about the rules they find. */
import type { Tools } from '../../lib/firewall/node-tool.ts'
import type { Cidr, Family, Ip } from '../../lib/ip/ip.ts'
import type { ForwardOptions } from './conf.ts'
import type { HostPort, PortMapping } from './mapping.ts'

/** A container on a network: rules name no more of an attachment. */
export interface Owner {
  readonly containerId: string
  /** Unknown for rules of nftables, which name the container only. */
  readonly network?: string | undefined
}

/** Where packets go: an address of a container, and the mappings that lead there, of any family. */
export interface Target {
  readonly address: Cidr
  readonly mappings: readonly PortMapping[]
}

/** The host ports of one container in one family. */
export interface Forwarding {
  readonly owner: Required<Owner>
  readonly options: ForwardOptions
  readonly targets: readonly Target[]
}

/** A host port that rules forward, in the order in which a packet meets them. */
export interface Claim extends HostPort {
  readonly owner: Owner
}

export interface Removal {
  /** Whose rules are to go. */
  readonly owners: readonly Owner[]
  /** Addresses of other attachments of an owner, whose rules are to stay. */
  readonly keep: readonly Ip[]
}

/** The rules of one family, as they were when they were listed. */
export interface Rules {
  /** Everybody who has rules. */
  readonly owners: readonly Owner[]
  /** The host ports that the wanted ones can collide with; none when no ports are wanted. */
  readonly claims: readonly Claim[]
  /**
   * In one transaction: removes rules, then adds what `added` needs and does not have. Throws a
   * `CniError`, and then nothing has changed.
   */
  change(removal: Removal, added?: Forwarding): void
  /** Throws a `CniError` that names the first rule of the forwarding that is missing. */
  check(forwarding: Forwarding): void
}

/** One of the two ways to the kernel's packet filter. */
export interface Backend {
  /** Lists the rules of a family, as far as they matter to who wants some ports. */
  list(tools: Tools, family: Family, wanted?: Forwarding): Rules
}

/** Whether two descriptions can be of one owner. */
export function isSameOwner(a: Owner, b: Owner): boolean {
  if (a.containerId !== b.containerId) return false
  return a.network === undefined || b.network === undefined || a.network === b.network
}
