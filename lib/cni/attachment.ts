/** A container's interface on a network. */
import { checkContainerId, checkIfName, checkNetworkName } from './names.ts'

/** What names an attachment (CNI specification, section 2 "Attachment parameters"). */
export interface Attachment {
  /** The name of the network. */
  readonly network: string
  readonly containerId: string
  readonly ifName: string
}

/** An attachment as a runtime knows it. */
export interface RuntimeAttachment extends Attachment {
  /** The path of the sandbox's network namespace; empty when it is not known any more. */
  readonly netns: string
  /** CNI_ARGS, one pair for each key. */
  readonly args: readonly CniArg[]
  /** Data for plugins by the name of the capability. */
  readonly capabilityArgs: Readonly<Record<string, unknown>>
}

export type CniArg = readonly [key: string, value: string]

/** The names alone, of what may know more about the attachment. */
export function nameOf({ network, containerId, ifName }: Attachment): Attachment {
  return { network, containerId, ifName }
}

/** Whether both name the same attachment. */
export function isSameAttachment(a: Attachment, b: Attachment): boolean {
  return a.network === b.network && a.containerId === b.containerId && a.ifName === b.ifName
}

/** Throws a `CniError` unless the names that make up the attachment are by the specification. */
export function checkAttachment({ network, containerId, ifName }: Attachment): void {
  checkContainerId(containerId)
  checkNetworkName(network)
  checkIfName(ifName)
}

/** CNI_ARGS of the attachment: `K=V;K2=V2`. */
export function formatArgs(args: readonly CniArg[]): string {
  return args.map((pair) => pair.join('=')).join(';')
}
