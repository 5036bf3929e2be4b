/**
 * The delegate's configuration as it was at ADD, kept for DEL: `<dataDir>/<containerID>`, where
 * the Go plugin has it too. An interface other than eth0 has a file of its own beside it, because
 * a pod can be attached more than once.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, hasCode } from '../../lib/cni/errors.ts'
import { isObject } from '../../lib/cni/json.ts'
import type { Log, Request } from '../../lib/cni/plugin.ts'
import type { Attachment } from '../../lib/cni/valid-attachments.ts'
import { readStateFile, replaceFile } from '../../lib/files.ts'
import type { DelegateConf } from './delegate-conf.ts'

const firstIfName = 'eth0'

/** The name of an attachment's file; a container ID holds no colon. */
function fileName({ containerId, ifName }: Attachment): string {
  return ifName === firstIfName ? containerId : `${containerId}:${ifName}`
}

/**
 * Saves the configuration of an attachment and returns how to take that back: what was saved
 * before is put back, or the file is removed.
 */
export function saveConf(dataDir: string, request: Request, stdin: string): () => void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const name = fileName(request)
  const before = readText(join(dataDir, name))
  write(dataDir, name, stdin)
  return () => {
    if (before === undefined) rmSync(join(dataDir, name), { force: true })
    else write(dataDir, name, before)
  }
}

function write(dataDir: string, name: string, text: string): void {
  replaceFile(join(dataDir, name), join(dataDir, `.${name}`), text, 0o600)
}

/**
 * The saved configuration of an attachment, or undefined when there is none: no file, or an empty
 * or garbled one, which is logged. Throws when the file cannot be read.
 */
export function loadConf(dataDir: string, request: Request, log: Log): DelegateConf | undefined {
  for (const name of candidates(request)) {
    const text = readText(join(dataDir, name))
    if (text === undefined) continue
    const conf = parseConf(text)
    if (conf !== undefined) return conf
    log.warn(
      `${join(dataDir, name)}: expected the saved configuration of the delegate, found ` +
        `${text === '' ? 'an empty file' : 'garbled text'}; it is made anew from the configuration`,
    )
  }
  return undefined
}

/** Removes what is saved for an attachment, and what an interrupted save of it left. */
export function removeConf(dataDir: string, request: Request): void {
  for (const name of candidates(request)) {
    rmSync(join(dataDir, name), { force: true })
    rmSync(join(dataDir, `.${name}`), { force: true })
  }
}

/**
 * Removes what is saved for attachments to the network that are not among the valid ones. Files of
 * other networks stay.
 */
export function sweepConfs(
  dataDir: string,
  network: string,
  valid: readonly Attachment[],
  log: Log,
): void {
  const keep = new Set(valid.flatMap((attachment) => candidates(attachment)))
  for (const name of listFolder(dataDir)) {
    if (keep.has(name.replace(/^\./, ''))) continue
    const text = readText(join(dataDir, name))
    const conf = text === undefined ? undefined : parseConf(text)
    if (conf !== undefined && nameOf(conf) !== network) continue
    log.debug(`removing ${join(dataDir, name)}: its attachment is gone`)
    rmSync(join(dataDir, name), { force: true })
  }
}

/** Where an attachment may be saved: in its own file, or where the Go plugin puts every one. */
function candidates(attachment: Attachment): string[] {
  return [...new Set([fileName(attachment), attachment.containerId])]
}

function parseConf(text: string): DelegateConf | undefined {
  try {
    const conf: unknown = JSON.parse(text)
    if (!isObject(conf) || typeof conf['type'] !== 'string' || conf['type'] === '') return undefined
    return { type: conf['type'], stdin: text }
  } catch {
    return undefined // the caller says that it is garbled
  }
}

function nameOf({ stdin }: DelegateConf): unknown {
  return (JSON.parse(stdin) as { name?: unknown }).name
}

function readText(path: string): string | undefined {
  try {
    return readStateFile(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw new Error(errorText(error), { cause: error })
  }
}

function listFolder(path: string): string[] {
  try {
    return readdirSync(path)
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
