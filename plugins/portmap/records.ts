/**
 * What portmap remembers of each attachment with host ports: `<dataDir>/<network>:<container
 * ID>:<interface>`. Rules name a container and no more. Records tell its attachments apart, say
 * which network each is to, and whether the sandbox behind a port is still there.
 */
import { existsSync, readdirSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, hasCode } from '../../lib/base/errors.ts'
import { makeFolder, readStateFile, replaceFile } from '../../lib/base/files.ts'
import { isObject } from '../../lib/base/json.ts'
import type { Attachment } from '../../lib/cni/attachment.ts'
import { CniError, ErrorCode } from '../../lib/cni/errors.ts'
import { parseJson } from '../../lib/cni/parse-json.ts'
import type { Context } from '../../lib/cni/plugin.ts'
import type { FirewallBackend } from '../../lib/firewall/firewall.ts'
import { type Cidr, formatCidr, parseCidr } from '../../lib/ip/ip.ts'
import { bootTime } from '../../lib/linux/boot.ts'
import { formatMapping, parseMapping, type PortMapping } from './mapping.ts'

/** An attachment with host ports. */
export interface RecordedAttachment extends Attachment {
  /** The sandbox, by its path and by what was there at ADD. */
  readonly netns: string
  readonly netnsId: string
  /** The boot that it was made in: boot_id of random(4). Empty when it is this one for all we know. */
  readonly bootId: string
  readonly backend: FirewallBackend
  readonly isConditional: boolean
  readonly addresses: readonly Cidr[]
  readonly mappings: readonly PortMapping[]
}

type RecordsContext = Pick<Context, 'log' | 'now'>

export class Records {
  readonly #folder: string
  readonly #context: RecordsContext
  /** The names of files that are said to be garbled: once is enough. */
  readonly #garbled = new Set<string>()

  constructor(folder: string, context: RecordsContext) {
    this.#folder = folder
    this.#context = context
  }

  /**
   * Keeps an attachment, and returns how to take that back. Throws a `CniError` with code 5 when
   * it cannot be written.
   */
  save(attachment: RecordedAttachment): () => void {
    const before = this.find(attachment)
    this.#write(attachment)
    return () => (before === undefined ? this.remove(attachment) : this.#write(before))
  }

  #write(attachment: RecordedAttachment): void {
    const name = fileName(attachment)
    try {
      const temporary = join(this.#folder, temporaryName(name))
      replaceFile(join(this.#folder, name), temporary, encode(attachment), 0o600)
    } catch (error) {
      throw failure(this.#folder, error)
    }
  }

  /** The attachment, or undefined when it is not known. */
  find(name: Attachment): RecordedAttachment | undefined {
    return this.#read(fileName(name))
  }

  /** Every attachment that is known. */
  list(): RecordedAttachment[] {
    return this.#recordNames().flatMap((name) => this.#read(name) ?? [])
  }

  /** Every attachment of which no more is known than that it was recorded: its file is garbled. */
  unreadable(): Attachment[] {
    return this.#recordNames()
      .filter((name) => this.#read(name) === undefined)
      .map(parseName)
  }

  /** Every attachment that a call which was killed had begun to record. */
  unfinished(): Attachment[] {
    return this.#names()
      .filter(isTemporary)
      .map((name) => parseName(name.slice(1)))
  }

  /** Forgets an attachment; throws a `CniError` with code 5. */
  remove(name: Attachment): void {
    this.#unlink(fileName(name))
    this.removeUnfinished(name)
  }

  /** Removes what a call that was killed had begun to record; throws a `CniError` with code 5. */
  removeUnfinished(name: Attachment): void {
    const temporary = temporaryName(fileName(name))
    // On a disk that is read-only, removing fails even where there is nothing.
    if (existsSync(join(this.#folder, temporary))) this.#unlink(temporary)
  }

  #unlink(name: string): void {
    try {
      unlinkSync(join(this.#folder, name))
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw failure(this.#folder, error)
    }
  }

  #recordNames(): string[] {
    return this.#names().filter((name) => !isTemporary(name))
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder).filter((name) => namePattern.test(name))
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
      throw failure(this.#folder, error)
    }
  }

  #read(name: string): RecordedAttachment | undefined {
    const file = join(this.#folder, name)
    try {
      const { bootId = this.#guessBootId(file), ...rest } = decode(name, readStateFile(file))
      return { ...rest, bootId }
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
      if (!this.#garbled.has(name)) {
        this.#context.log.warn(`going on without the record ${file}: ${errorText(error)}`)
      }
      this.#garbled.add(name)
      return undefined
    }
  }

  /** Records of earlier versions do not tell their boot, but when they were written. */
  #guessBootId(file: string): string {
    return statSync(file).mtimeMs < bootTime(this.#context.now()) ? earlierBoot : ''
  }
}

const namePattern = /^[^:]+:[^:]+:[^:]+$/

/** Stands for a boot before this one whose ID is not known. */
const earlierBoot = 'earlier'

/** Makes the folder of records; throws a `CniError` with code 5. */
export function makeRecordsFolder(folder: string): void {
  try {
    makeFolder(folder, 0o700)
  } catch (error) {
    throw failure(folder, error)
  }
}

function failure(folder: string, error: unknown): CniError {
  const details = `attachments with host ports are recorded in ${folder}; it must be writable`
  return new CniError(ErrorCode.ioFailure, errorText(error), details, { cause: error })
}

/** None of the names holds a colon: CNI specification, section 2. */
function fileName({ network, containerId, ifName }: Attachment): string {
  return `${network}:${containerId}:${ifName}`
}

/** Where a record is written before it gets its name; no network's name begins with a dot. */
function temporaryName(name: string): string {
  return `.${name}`
}

function isTemporary(name: string): boolean {
  return name.startsWith('.')
}

/** Whose file it is, a record's or one on its way to be that; undefined for any other name. */
export function parseRecordName(name: string): Attachment | undefined {
  return namePattern.test(name) ? parseName(isTemporary(name) ? name.slice(1) : name) : undefined
}

function parseName(name: string): Attachment {
  const [network = '', containerId = '', ifName = ''] = name.split(':')
  return { network, containerId, ifName }
}

function encode(attachment: RecordedAttachment): string {
  const { netns, netnsId, bootId, backend, isConditional, addresses, mappings } = attachment
  return JSON.stringify({
    netns,
    netnsId,
    ...(bootId !== '' && { bootId }),
    backend,
    isConditional,
    addresses: addresses.map(formatCidr),
    portMappings: mappings.map(formatMapping),
  })
}

type Decoded = Omit<RecordedAttachment, 'bootId'> & { readonly bootId?: string }

function decode(name: string, text: string): Decoded {
  const value = parseJson(text, '')
  if (!isObject(value)) throw new Error('expected an object')
  const { netns, netnsId, bootId, backend, isConditional, addresses, portMappings } = value
  if (typeof netns !== 'string' || typeof netnsId !== 'string') {
    throw new Error('netns and netnsId must be strings')
  }
  if (backend !== 'iptables' && backend !== 'nftables') throw new Error('backend is unknown')
  if (!Array.isArray(addresses) || !Array.isArray(portMappings)) {
    throw new Error('addresses and portMappings must be lists')
  }
  return {
    ...{ ...parseName(name), netns, netnsId, backend },
    ...(typeof bootId === 'string' && { bootId }),
    isConditional: isConditional === true,
    addresses: addresses.flatMap((address: unknown) => parseCidr(String(address)) ?? []),
    mappings: portMappings.map((mapping, index) => parseMapping(mapping, `portMappings.${index}`)),
  }
}
