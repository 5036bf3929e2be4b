import { errnoText } from '../net/libc.ts'

/**
 * The error codes of the CNI specification ("Error", section 5), and the two that the Go
 * library uses beyond it (8 and 999).
 */
export const ErrorCode = {
  unknown: 0,
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  invalidEnvironment: 4,
  ioFailure: 5,
  decodingFailure: 6,
  invalidNetworkConfig: 7,
  invalidNetns: 8,
  tryAgainLater: 11,
  pluginNotAvailable: 50,
  limitedConnectivity: 51,
  internal: 999,
} as const

/** The error object as it stands on stdout (CNI specification, section 5 "Error"). */
export interface ErrorObject {
  code: number
  msg: string
  details?: string
}

/**
 * A failure that a person reads in `kubectl describe pod`: `msg` names the operation and what
 * was found, `details` what was expected and what to do about it.
 */
export class CniError extends Error {
  override readonly name = 'CniError'
  readonly code: number
  readonly details: string

  constructor(code: number, msg: string, details = '', options?: ErrorOptions) {
    super(msg, options)
    this.code = code
    this.details = details
  }

  /** The error as the specification's object; `details` is left out when there are none. */
  toObject(): ErrorObject {
    const { code, message, details } = this
    return details === '' ? { code, msg: message } : { code, msg: message, details }
  }
}

/** Why a delegate was not called, or has not answered: an error that is not the delegate's own. */
export class DelegationError extends CniError {}

/** Whether a thrown value is a failed system call with this errno name, e.g. `ENOENT`. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}

/**
 * The text of any thrown value, for embedding in another message. A failed system call reads as Go
 * prints it: `open /run/x: no such file or directory`.
 */
export function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { syscall, path, errno } = error as NodeJS.ErrnoException // all optional
  if (syscall === undefined || typeof errno !== 'number') return error.message
  const operation = path === undefined ? syscall : `${syscall} ${path}`
  return `${operation}: ${errnoText(Math.abs(errno))}`
}

/** The text of any thrown value and its details, for a log: `message; details`. */
export function fullText(error: unknown): string {
  const { message, details } = toCniError(error)
  return details === '' ? message : `${message}; ${details}`
}

/**
 * Any thrown value as a `CniError`: one that is a `CniError` already passes through, everything
 * else becomes code 999 with its text (the Go library does the same with untyped errors).
 */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error
  const details = error instanceof Error && 'details' in error ? String(error.details) : ''
  return new CniError(ErrorCode.internal, errorText(error), details, { cause: error })
}

/**
 * Runs `operation`; what it throws gets `prefix` before its text. A `CniError` keeps its code and
 * details.
 */
export function withPrefix<T>(prefix: string, operation: () => T): T {
  try {
    return operation()
  } catch (error) {
    const { code, message, details } = toCniError(error)
    throw new CniError(code, `${prefix}${message}`, details, { cause: error })
  }
}
