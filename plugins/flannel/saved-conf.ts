/**
 * The delegate's configuration as it was at ADD, kept for DEL: `<dataDir>/<containerID>`, where
 * the Go plugin has it too. An interface other than eth0 has a file of its own beside it, because
 * a pod can be attached more than once.
 */
import { lstatSync, readdirSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { makeFolder, readStateFile, replaceFile } from '../../lib/base/files.ts'
import { isObject } from '../../lib/base/json.ts'
import type { Log } from '../../lib/base/log.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { attemptAll } from '../../lib/cni/attempt-all.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import type { DelegateConf } from './delegate-conf.ts'
import { firstIfName, inspectSavedFile, savedFileName, temporaryName } from './saved-file.ts'

interface SavedConf extends DelegateConf {
  /** The name of the network. */
  readonly network: unknown
}

/**
 * Saves the configuration of an attachment and returns how to take that back: what was saved
 * before is put back, or the file is removed. Throws a `CniError` with code 5.
 */
export function saveConf(
  dataDir: string,
  attachment: Attachment,
  { stdin }: DelegateConf,
  log: Log,
): () => void {
  const name = savedFileName(attachment)
  const before = readSaved(join(dataDir, name), log)
  writeSaved(dataDir, name, stdin)
  return () => {
    if (before === undefined) remove(dataDir, name)
    else writeSaved(dataDir, name, before.stdin)
  }
}

/**
 * The saved configuration of an attachment, or undefined when there is none: no file, or one with
 * something else in it, which is logged.
 */
export function loadConf(
  dataDir: string,
  attachment: Attachment,
  log: Log,
): DelegateConf | undefined {
  const { network, containerId, ifName } = attachment
  const own = readSaved(join(dataDir, savedFileName(attachment)), log)
  if (own !== undefined || ifName === firstIfName) return own
  // Go has one file for all interfaces of a container: the last one's, whatever its network.
  const shared = readSaved(join(dataDir, containerId), log)
  return shared?.network === network ? shared : undefined
}

/**
 * Removes what is saved for an attachment, and what an interrupted save of it left. A file that Go
 * wrote for another interface than eth0 stays: it may be eth0's. Throws a `CniError` with code 5.
 */
export function removeConf(dataDir: string, attachment: Attachment): void {
  const name = savedFileName(attachment)
  remove(dataDir, name)
  remove(dataDir, temporaryName(name))
}

/**
 * Removes what is saved for attachments to the network that are not among the valid ones, and what
 * interrupted saves left. Files of other networks, files that flannel has not written, and those
 * written after `startMs`, when the sweep was asked for (in milliseconds since the epoch), stay.
 * Throws a `CniError`.
 */
export function sweepConfs(
  dataDir: string,
  network: string,
  valid: readonly Attachment[],
  startMs: number,
  log: Log,
): void {
  const names = valid.flatMap((attachment) => [savedFileName(attachment), attachment.containerId])
  const keep = new Set(names.flatMap((name) => [name, temporaryName(name)]))
  const sweep = (name: string) => {
    const file = withRemedy(dataDir, () => inspectSavedFile(dataDir, name))
    // An ADD that began behind the sweep is not among the valid attachments, and needs its file.
    if (file === undefined || file.writtenMs > startMs - clockTickMs) return
    const path = join(dataDir, name)
    if (file.network === undefined) log.warn(`removing ${path}: its save was interrupted`)
    else if (file.network === network) log.debug(`removing ${path}: its attachment is gone`)
    else return
    remove(dataDir, name)
  }
  const unknown = listFiles(dataDir).filter((name) => !keep.has(name))
  attemptAll(unknown.map((name) => () => sweep(name)))
}

/** A file's date is that of the kernel's last clock tick, which is so many milliseconds ago at most. */
const clockTickMs = 10

/** The configuration in a file, or undefined: no file, or something else in it, which is logged. */
function readSaved(path: string, log: Log): SavedConf | undefined {
  try {
    // An ADD finds none, and a failed read costs more than a look.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined
    return parseSaved(readStateFile(path))
  } catch (error) {
    if (isMissing(error)) return undefined
    log.warn(`${path} should hold the configuration of a delegate: ${errorText(error)}`)
    return undefined
  }
}

/** Throws an `Error` that says what there is instead. */
function parseSaved(text: string): SavedConf {
  if (text === '') throw new Error('it is empty')
  const { type, name } = parseObject(text)
  // A configuration of flannel itself would make DEL call itself for ever.
  if (typeof type !== 'string' || type === '' || type === 'flannel') {
    throw new Error(`its "type" is ${JSON.stringify(type) ?? 'missing'}`)
  }
  return { type, network: name, stdin: text }
}

function parseObject(text: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // what was found is described below, without quoting what may be binary
  }
  if (isObject(value)) return value
  throw new Error('it is garbled')
}

function writeSaved(dataDir: string, name: string, text: string): void {
  withRemedy(dataDir, () => {
    makeFolder(dataDir, 0o700)
    replaceFile(join(dataDir, name), join(dataDir, temporaryName(name)), text, 0o600)
  })
}

function remove(dataDir: string, name: string): void {
  withRemedy(dataDir, () => {
    try {
      unlinkSync(join(dataDir, name))
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  })
}

/** The names of the regular files in the folder. */
function listFiles(dataDir: string): string[] {
  return withRemedy(dataDir, () => {
    try {
      const entries = readdirSync(dataDir, { withFileTypes: true })
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  })
}

function isMissing(error: unknown): boolean {
  return hasCode(error, 'ENOENT', 'ENOTDIR')
}

/** Runs an operation in the folder; its error says what the folder has to be like. */
function withRemedy<T>(dataDir: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    throw new CniError(
      ErrorCode.ioFailure,
      errorText(error),
      `flannel keeps one file for each attachment in ${dataDir}: it must be a writable folder ` +
        'with space, and have nothing else in it; "dataDir" chooses another one',
      { cause: error },
    )
  }
}
