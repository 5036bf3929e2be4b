/** Whether the container behind a rule is still there. Only what proves that it is gone counts. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../../lib/base/errors.ts'
import { readStateFile } from '../../lib/base/files.ts'
import type { Log } from '../../lib/base/log.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import { decodeEntry } from '../../lib/libcni/cache-entry.ts'
import { readBootId } from '../../lib/linux/boot.ts'
import { identifyNetns, isSameNetns } from '../../lib/linux/netns-id.ts'
import { hasVanished, inhabitedNamespaces } from '../../lib/linux/netns-traces.ts'
import type { Owner } from './forwarding.ts'
import type { RecordedAttachment } from './records.ts'

/** Where container runtimes that use the Go library keep their attachments. */
const runtimeCache = '/var/lib/cni/results'

/** Why a sandbox is not known to be gone. */
export interface Remains {
  /** The second half of a sentence about the container. */
  readonly text: string
  /** The sandbox has been seen: it is more than possible that it exists. */
  readonly isSeen: boolean
}

/**
 * What there is of the sandbox that an attachment was made for; undefined when that was in an
 * earlier boot, or when the path of its namespace has vanished, or leads to another one, and no
 * process is in it.
 */
export function findRemains(attachment: RecordedAttachment, context: Context): Remains | undefined {
  const { netns, netnsId, bootId } = attachment
  const thisBoot = readBootId(context.log)
  if (bootId !== '' && thisBoot !== '' && bootId !== thisBoot) return undefined
  const found = identifyNetns(netns)
  if (isSameNetns(netnsId, found)) return seen(netns)
  const [device, inode] = netnsId.split(':')
  // another file of the same file system, which namespaces have for themselves, is another one
  const isOther = found !== '' && found.split(':')[0] === device
  if (netnsId === '' || (!isOther && !hasVanished(netns))) return unseen(netns)
  const paths = inhabitedNamespaces(context.log).get(Number(inode)) ?? []
  if (!paths.some((path) => isSameNetns(netnsId, identifyNetns(path)))) return undefined
  return { text: `processes are in its sandbox, which was ${netns}`, isSeen: true }
}

/**
 * The same for a container of which there are rules and no record, because the Go plugin made them:
 * its sandbox is gone when the container runtime keeps the container in its cache, and the path of
 * its namespace has vanished. A runtime that knows nothing of it may keep its cache elsewhere.
 */
export function findUnrecordedRemains({ containerId }: Owner, log: Log): Remains | undefined {
  const paths = runtimeFiles(containerId).flatMap((file) => readNetns(file, containerId, log))
  if (paths.length === 0) {
    return { text: 'nothing here tells whether its sandbox exists', isSeen: false }
  }
  const left = paths.find((netns) => !hasVanished(netns))
  if (left === undefined) return undefined
  return identifyNetns(left) === '' ? unseen(left) : seen(left)
}

function seen(netns: string): Remains {
  return { text: `its sandbox ${netns} exists`, isSeen: true }
}

function unseen(netns: string): Remains {
  return { text: `its sandbox ${netns} cannot be seen, but may exist`, isSeen: false }
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

function readNetns(file: string, containerId: string, log: Log): string[] {
  try {
    const attachment = decodeEntry(readStateFile(file))
    // the name of a network may look like a container's
    return attachment.containerId === containerId && attachment.netns !== ''
      ? [attachment.netns]
      : []
  } catch (error) {
    log.debug(`${file}: ${errorText(error)}`)
    return []
  }
}
