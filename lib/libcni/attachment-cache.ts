/**
 * The attachments that a runtime made and has not deleted yet: one file for each, where the Go
 * library keeps them, so that either can delete what the other made.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { errorText, hasCode } from '../base/errors.ts'
import { readStateFile, replaceFile } from '../base/files.ts'
import type { Log } from '../base/log.ts'
import { type Attachment, checkAttachment, type RuntimeAttachment } from '../cni/attachment.ts'
import { CniError, ErrorCode } from '../cni/errors.ts'
import type { Result } from '../cni/result.ts'
import type { Version } from '../cni/versions.ts'
import { decodeCachedResult, decodeEntry, encodeEntry } from './cache-entry.ts'
import { located } from './located.ts'

/** An attachment, and when its result was kept, in milliseconds since the epoch. */
export interface KeptAttachment extends RuntimeAttachment {
  readonly keptSince: number
}

export class AttachmentCache {
  readonly #folder: string

  /** `folder` is the runtime's state folder, `/var/lib/cni` as a rule; it is made when needed. */
  constructor(folder: string) {
    this.#folder = join(folder, 'results')
  }

  /**
   * Keeps an attachment by a configuration list that was read from `source`; its result in
   * `version`. The file appears whole or not at all.
   */
  write(attachment: RuntimeAttachment, source: string, result: Result, version: Version): void {
    const file = this.#file(attachment)
    const temporary = join(this.#folder, `.${basename(file)}.tmp`)
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    replaceFile(file, temporary, encodeEntry(attachment, source, result, version), 0o600)
  }

  /**
   * The result of an attachment, or undefined when none is kept. Throws a `CniError` when the file
   * is garbled, and what the file system throws.
   */
  readResult(attachment: Attachment): Result | undefined {
    const file = this.#file(attachment)
    const text = readIfThere(file)
    if (text === undefined) return undefined
    return located(file, 'delete the attachment and add it again', () => decodeCachedResult(text))
  }

  /**
   * The attachment with these names as it was made, or undefined when that is not known: nothing
   * is kept, or it is garbled or a symbolic link, which `readResult` reports. Throws what the file
   * system throws.
   */
  find(attachment: Attachment): RuntimeAttachment | undefined {
    const file = this.#file(attachment)
    try {
      const text = readIfThere(file)
      return text === undefined ? undefined : decodeEntry(text)
    } catch (error) {
      if (error instanceof CniError || hasCode(error, 'ELOOP')) return undefined
      throw error
    }
  }

  /** Forgets an attachment; one that is not kept is forgotten already. */
  remove(attachment: Attachment): void {
    rmSync(this.#file(attachment), { force: true })
  }

  /** The attachments of a network, by file name; a file that names none is logged. */
  list(network: string, log: Log): KeptAttachment[] {
    return this.#entries(`${network}-`, log).filter((entry) => entry.network === network)
  }

  /**
   * Removes the files of a network that hold no JSON, and logs each: nobody can make anything of
   * them, and the Go library refuses to delete their attachments.
   */
  removeGarbled(network: string, log: Log): void {
    for (const name of this.#fileNames().filter((name) => name.startsWith(`${network}-`))) {
      const file = join(this.#folder, name)
      if (!isGarbled(file)) continue
      log.warn(`${file} is garbled; it is removed`)
      rmSync(file, { force: true })
    }
  }

  /**
   * Throws a `CniError` when a file of the network is about an attachment that it does not name: who
   * removes what is in no file would remove that, which may be in use. Garbled files are no matter.
   */
  requireNames(network: string): void {
    for (const name of this.#fileNames().filter((name) => name.startsWith(`${network}-`))) {
      const file = join(this.#folder, name)
      if (isGarbled(file)) continue
      try {
        decodeFile(file)
      } catch (error) {
        const message = `the attachments in use are not known: ${file}: ${errorText(error)}`
        const remedy = 'it names none: move it away when the pod that it is about is gone'
        throw new CniError(ErrorCode.ioFailure, message, remedy, { cause: error })
      }
    }
  }

  /** The attachments of all networks, by file name; a file that names none is logged. */
  listAll(log: Log): KeptAttachment[] {
    return this.#entries('', log)
  }

  #entries(prefix: string, log: Log): KeptAttachment[] {
    return this.#fileNames()
      .filter((name) => name.startsWith(prefix) && !name.startsWith('.'))
      .flatMap((name) => readEntry(join(this.#folder, name), log) ?? [])
  }

  #fileNames(): string[] {
    try {
      return readdirSync(this.#folder).sort()
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return []
      throw error
    }
  }

  #file(attachment: Attachment): string {
    checkAttachment(attachment) // none of the names leads out of the folder
    const { network, containerId, ifName } = attachment
    return join(this.#folder, `${network}-${containerId}-${ifName}`)
  }
}

function readEntry(file: string, log: Log): KeptAttachment | undefined {
  try {
    return decodeFile(file)
  } catch (error) {
    log.warn(`left alone, since it does not name its attachment: ${file}: ${errorText(error)}`)
    return undefined
  }
}

function decodeFile(file: string): KeptAttachment | undefined {
  const stat = statSync(file, { throwIfNoEntry: false })
  const text = readIfThere(file)
  if (stat === undefined || text === undefined) return undefined
  return { ...decodeEntry(text), keptSince: stat.mtimeMs }
}

function isGarbled(file: string): boolean {
  try {
    JSON.parse(readIfThere(file) ?? 'null')
    return false
  } catch (error) {
    return error instanceof SyntaxError // a file that cannot be read may still be somebody's
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readStateFile(file)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    if (error instanceof Error && 'syscall' in error) throw error
    const remedy = 'no runtime has put that there: move it away'
    throw new CniError(ErrorCode.ioFailure, errorText(error), remedy, { cause: error })
  }
}
