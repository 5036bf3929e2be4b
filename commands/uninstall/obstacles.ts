/** What speaks against an uninstallation, in words. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Link } from '../../lib/net/link.ts'
import { footprint as flannel } from '../../plugins/flannel/footprint.ts'
import type { NodeAttachment } from '../node/attachments.ts'
import { podText } from '../node/pod.ts'
import { inspectSandbox } from '../node/sandbox-state.ts'
import type { Package } from '../package.ts'
import { isOurs } from './executables.ts'

/** The attachments that somebody still uses: their interface is there, at one end at least. */
export function attachedPods(attachments: readonly NodeAttachment[]): string[] {
  return attachments.filter(isAttached).map((attachment) => {
    const { network, ifName } = attachment
    return `${podText(attachment)}, by ${ifName} to network ${network}`
  })
}

function isAttached(attachment: NodeAttachment): boolean {
  if (attachment.port !== undefined) return true
  const sandbox = inspectSandbox(attachment)
  return sandbox.state === 'there' && sandbox.link !== undefined
}

/** Ports of our bridges that are no attachment we know of. */
export function foreignPorts(ports: readonly Link[]): string[] {
  return ports.map(({ name }) => `${name}, a port of the bridge that no plugin of ours has made`)
}

/** Another flannel plugin in our place: what there is may be its work, and in its use. */
export function foreignFlannel(own: Package, binDir: string): string[] {
  const path = join(binDir, flannel.plugin)
  if (!existsSync(path) || isOurs(path, own)) return []
  return [`${path}, which is of another plugin set or version, and serves these networks`]
}
