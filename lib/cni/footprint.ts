/**
 * What a plugin leaves on a node, for those that find it there later: `cni ps`, `cni uninstall`. A
 * footprint is data and pure functions, so that the plugin alone knows its names and its files; who
 * asks does the I/O. No plugin call loads one.
 */
import type { TableName } from '../firewall/transaction.ts'
import type { Address } from '../net/address.ts'
import type { Link } from '../net/link.ts'
import type { Attachment } from './attachment.ts'
import type { NetConf } from './plugin.ts'

export interface Footprint {
  /** The name of the plugin. */
  readonly plugin: string
  /** The configuration of the plugin that makes the interface, when this one delegates that. */
  delegate?(conf: NetConf): NetConf
  /** The folder of its state for a network. Throws a `CniError` when no ADD could use the folder. */
  folder?(conf: NetConf): StateFolder
  readonly links?: LinkFootprint
  /** What stays in the firewall when the rules of all attachments are gone. */
  readonly tables?: readonly TableName[]
  readonly chains?: NatChains
}

/** A folder of state, which several networks may share, and others use, too. */
export interface StateFolder {
  /** An absolute path. */
  readonly path: string
  /** What the plugin locks there: it belongs to all who have something in the folder. */
  readonly locks: readonly string[]
  /** Whether the plugin keeps the file of this name for the network. */
  owns(name: string, content: Content): boolean
  /** The configuration of a delegate that the file keeps; undefined for any other file. */
  delegateIn?(content: Content): NetConf | undefined
}

/** Reads a file: undefined when it is no regular file, or one too large for state, or gone. */
export type Content = () => string | undefined

/** The links of the host's namespace. */
export interface LinkFootprint {
  /** The name of the bridge that a network's pods are in; undefined when no link can have it. */
  bridgeName(conf: NetConf): string | undefined
  /** Whether the plugin has made this bridge, and nobody else. */
  isOwnBridge(bridge: Link, addresses: readonly Address[], ports: readonly Link[]): boolean
  /** The links among all of them that the plugin has put beside a bridge, each with a port in it. */
  besideBridge(bridge: Link, links: readonly Link[]): Link[]
  /** The attachment whose host end the link is, by what is written on it. */
  attachmentOf(link: Link): Attachment | undefined
  /** Whether an interface of the host that a result names is the host end of the attachment. */
  isHostEndName(name: string): boolean
}

/** Chains in the table `nat` of iptables and ip6tables. */
export interface NatChains {
  /** The chain that leads to those of containers. */
  readonly entry: string
  /** That one and the others. */
  readonly names: readonly string[]
  /** The chains of the kernel with rules that lead to them. */
  readonly hooks: readonly string[]
  /** What the names begin with: where no rule names it, there are none. */
  readonly prefix: string
}
