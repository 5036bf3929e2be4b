import { detailsOf, errorText } from '../base/errors.ts'

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

/**
 * Any thrown value as a `CniError`: one that is a `CniError` already passes through, everything
 * else becomes code 999 with its text (the Go library does the same with untyped errors).
 */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error
  return new CniError(ErrorCode.internal, errorText(error), detailsOf(error), { cause: error })
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
