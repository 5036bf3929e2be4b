/**
 * The files in flannel's `dataDir`: the delegate's configuration of each attachment as it was at
 * ADD, `<containerID>` for eth0 and `<containerID>:<interface>` for any other.
 */
import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode } from '../../lib/base/errors.ts'
import { readStateFile } from '../../lib/base/files.ts'
import { isObject } from '../../lib/base/json.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { CniError } from '../../lib/cni/errors.ts'
import { checkContainerId, checkIfName, checkNetworkName } from '../../lib/cni/names.ts'

/** The interface whose file has the name that Go gives to the file of any. */
export const firstIfName = 'eth0'

/** The name of an attachment's file; a container ID holds no colon. */
export function savedFileName({ containerId, ifName }: Omit<Attachment, 'network'>): string {
  return ifName === firstIfName ? containerId : `${containerId}:${ifName}`
}

/** Where a file is written before it gets its name; a container ID begins with no dot. */
export function temporaryName(name: string): string {
  return `.${name}`
}

/** A file that the flannel plugin has written. */
export interface SavedFile {
  /** The network of the attachment; undefined when the save was interrupted. */
  readonly network: string | undefined
  /** Milliseconds since the epoch. */
  readonly writtenMs: number
}

/**
 * What the flannel plugin has written into the file of this name: undefined for a file that is not
 * its own by name and content, such as subnet.env or a README, since others may use the folder too.
 * Throws Node's system errors.
 */
export function inspectSavedFile(folder: string, name: string): SavedFile | undefined {
  if (!isSavedFileName(name)) return undefined
  const path = join(folder, name)
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isFile() !== true || stat.size > maxBytes) return undefined
    const text = readStateFile(path)
    const network = networkOfSaved(text)
    if (network === undefined && !isTorn(text)) return undefined
    return { network, writtenMs: stat.mtimeMs }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ELOOP')) return undefined // it has just gone, or become another
    throw error
  }
}

/** A configuration has some hundred bytes. */
const maxBytes = 1024 * 1024

/** Whether a file of this name can be an attachment's, or one on its way to be that: pure. */
export function isSavedFileName(name: string): boolean {
  const [containerId = '', ifName = firstIfName, ...rest] = name.replace(/^\./, '').split(':')
  if (rest.length > 0) return false
  return isAccepted(checkContainerId, containerId) && isAccepted(checkIfName, ifName)
}

/** Whether the text is a delegate's configuration, or what an interrupted save of one left: pure. */
export function isSavedText(text: string | undefined): boolean {
  return text !== undefined && (networkOfSaved(text) !== undefined || isTorn(text))
}

/**
 * The name of the network, in the configuration of a delegate: flannel gives it an `ipam`. Undefined
 * for any other text.
 */
export function networkOfSaved(text: string): string | undefined {
  const value = parse(text)
  if (!isObject(value)) return undefined
  const { name, type, ipam } = value
  const isSaved = typeof name === 'string' && typeof type === 'string' && isObject(ipam)
  return isSaved && isAccepted(checkNetworkName, name) ? name : undefined
}

/**
 * Whether the text is what an interrupted save leaves: nothing, zeros in place of what the disk
 * never got, or the beginning of a configuration.
 */
function isTorn(text: string): boolean {
  return /^\0*$/.test(text) || text === '{' || (text.startsWith('{"') && parse(text) === undefined)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // what there is instead is judged by who asks
  }
}

/** Whether a check of a name lets it pass. */
function isAccepted(check: (name: string) => void, name: string): boolean {
  try {
    check(name)
    return true
  } catch (error) {
    if (error instanceof CniError) return false
    throw error
  }
}
