/** A container's interface on a network, as a runtime knows it. */
import { checkContainerId, checkIfName, checkNetworkName } from './names.ts'

export interface Attachment {
  readonly containerId: string
  /** The path of the sandbox's network namespace; empty when it is not known any more. */
  readonly netns: string
  readonly ifName: string
  /** CNI_ARGS, one pair for each key. */
  readonly args: readonly CniArg[]
  /** Data for plugins by the name of the capability. */
  readonly capabilityArgs: Readonly<Record<string, unknown>>
}

/** What tells the attachments of a network apart. */
export type AttachmentName = Pick<Attachment, 'containerId' | 'ifName'>

export type CniArg = readonly [key: string, value: string]

/** Throws a `CniError` unless the names that make up the attachment are by the specification. */
export function checkAttachment(network: string, { containerId, ifName }: AttachmentName): void {
  checkContainerId(containerId)
  checkNetworkName(network)
  checkIfName(ifName)
}

/** CNI_ARGS of the attachment: `K=V;K2=V2`. */
export function formatArgs(args: readonly CniArg[]): string {
  return args.map((pair) => pair.join('=')).join(';')
}
