/**
 * Which machine this is, for reservations in a folder that several machines have: none must take
 * another one's pods for its own that are gone.
 *
 * Neither of the names suffices alone. Machines that were made of one image may have the same
 * machine-id(5), those of one model the same product_uuid, and containers share the latter. So all of
 * them count, and the host name. If one changes, reservations stay that could be taken back: an
 * address too few, and not one that two pods have.
 */
import { readFileSync } from 'node:fs'
import { errorText } from '../../lib/base/errors.ts'
import type { Log } from '../../lib/base/log.ts'
import { sha512 } from '../../lib/base/sha512.ts'
import { readBootId } from '../../lib/linux/boot.ts'

/** A machine as reservations name it. */
export interface Machine {
  /** A digest of what its operating system and its hardware call themselves, which are secrets. */
  readonly id: string
  readonly hostname: string
}

/** What reservations say about the machine that they were made on. */
export interface Identity {
  /** The kernel's name for the time since it started (random(4)); empty when it does not say. */
  readonly bootId: string
  /** Undefined when nothing tells it from others. */
  readonly machine: Machine | undefined
}

/** The machine that this process runs on; each file is read when it is asked for. */
export class ThisMachine implements Identity {
  readonly #log: Log
  #bootId: string | undefined
  #machine: { readonly found: Machine | undefined } | undefined

  constructor(log: Log) {
    this.#log = log
  }

  get bootId(): string {
    this.#bootId ??= readBootId(this.#log)
    return this.#bootId
  }

  get machine(): Machine | undefined {
    this.#machine ??= { found: readMachine(this.#log) }
    return this.#machine.found
  }
}

function readMachine(log: Log): Machine | undefined {
  // Before systemd has chosen one, it is empty or reads `uninitialized`.
  const machineId = readName('/etc/machine-id', /^[\da-f]{32}$/, log)
  const productUuid = readName('/sys/class/dmi/id/product_uuid', /^[\da-f-]{36}$/i, log)
  const hostname = readName('/proc/sys/kernel/hostname', /./, log)
  if (machineId + productUuid === '' || hostname === '') return undefined
  const id = sha512(`flannel-cni ${machineId} ${productUuid.toLowerCase()}`).slice(0, 32)
  return { id, hostname }
}

/** The text of a file of one line; empty when it cannot be read, or is another one. */
function readName(path: string, pattern: RegExp, log: Log): string {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return pattern.test(text) ? text : ''
  } catch (error) {
    log.debug(`reservations tell less about their machine: ${errorText(error)}`)
    return ''
  }
}

/** Whether both are certainly the same. */
export function isSameMachine(a: Machine | undefined, b: Machine | undefined): boolean {
  return a !== undefined && a.id === b?.id && a.hostname === b.hostname
}

/** Whether both are certainly different: a machine may get a new ID, or a new name. */
export function areDifferentMachines(a: Machine | undefined, b: Machine | undefined): boolean {
  return a !== undefined && b !== undefined && a.id !== b.id && a.hostname !== b.hostname
}
