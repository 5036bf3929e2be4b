/** Whether the container behind a rule is still there. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { decodeEntry } from '../../lib/cni/cache-entry.ts'
import { errorText } from '../../lib/cni/errors.ts'
import type { Log } from '../../lib/cni/plugin.ts'
import { readStateFile } from '../../lib/files.ts'
import type { Owner } from './forwarding.ts'
import { identifyNetns, type Attachment } from './records.ts'

/** Where container runtimes that use the Go library keep their attachments. */
const runtimeCache = '/var/lib/cni/results'

/** Whether the sandbox that an attachment was made for still exists. */
export function isAlive({ netns, netnsId }: Attachment): boolean {
  return netnsId !== '' && identifyNetns(netns) === netnsId
}

/**
 * The sandbox of a container that the Go plugin made rules for, as far as the container runtime
 * tells; undefined when it is gone, or when no runtime knows the container.
 */
export function findSandbox({ containerId }: Owner, log: Log): string | undefined {
  return runtimeFiles(containerId)
    .flatMap((file) => readNetns(file, log) ?? [])
    .find((netns) => identifyNetns(netns) !== '')
}

function runtimeFiles(containerId: string): string[] {
  try {
    return readdirSync(runtimeCache)
      .filter((name) => name.includes(`-${containerId}-`))
      .map((name) => join(runtimeCache, name))
  } catch {
    return [] // not a runtime of this kind, or none whose files are to be had
  }
}

function readNetns(file: string, log: Log): string | undefined {
  try {
    return decodeEntry(readStateFile(file)).attachment.netns
  } catch (error) {
    log.debug(`${file}: ${errorText(error)}`)
    return undefined
  }
}
