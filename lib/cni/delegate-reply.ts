/** What the reply of a delegate means: its result, or the error of one that failed. Pure. */
import { errorText } from '../base/errors.ts'
import type { Execution, ExecutionFailure } from '../base/exec.ts'
import { isObject } from '../base/json.ts'
import { CniError, DelegationError, ErrorCode, toCniError } from './errors.ts'
import { parseJson } from './parse-json.ts'
import { decodeResult } from './result-decode.ts'
import { emptyResult, type Result } from './result.ts'
import { canonicalize } from './schema.ts'
import type { Version } from './versions.ts'

/**
 * The stdout of a delegate named `type` that succeeded. Throws the `CniError` that one which
 * failed printed, or one that says how it failed; its details end with the delegate's name.
 */
export function checkReply(type: string, { stdout, stderr, failure }: Execution): string {
  if (failure === undefined) return stdout
  throw errorIn(type, delegateError(stdout, stderr, failure))
}

/** The error of a delegate named `type`, its own, for its caller: the details end with its name. */
export function errorIn(type: string, { code, message, details }: CniError): CniError {
  return new CniError(code, message, details === '' ? `in ${type}` : `${details}; in ${type}`)
}

function delegateError(stdout: string, stderr: string, failure: ExecutionFailure): CniError {
  // What one that was stopped has printed is not all that it had to say.
  if (failure.details !== undefined) return silentFailure(failure)
  if (stdout !== '') return printedError(stdout)
  if (stderr === '') return silentFailure(failure)
  return new CniError(ErrorCode.unknown, `netplugin failed: ${quote(stderr)}`)
}

function silentFailure({ text, details }: ExecutionFailure): CniError {
  const message = `netplugin failed with no error message: ${text}`
  return new CniError(ErrorCode.unknown, message, details)
}

function printedError(stdout: string): CniError {
  try {
    return decodeError(parseJson(stdout, ''))
  } catch (error) {
    return new CniError(
      ErrorCode.unknown,
      'netplugin failed but error parsing its diagnostic message ' +
        `${quote(stdout)}: ${errorText(error)}`,
    )
  }
}

const errorKeys = { properties: { code: {}, msg: {}, details: {} } }

/** Reads an error object (CNI specification, section 5 "Error"). */
function decodeError(value: unknown): CniError {
  const object = canonicalize(errorKeys, value)
  if (!isObject(object) || !('code' in object || 'msg' in object)) {
    throw new TypeError('expected an error object')
  }
  const { code = 0, msg = '', details = '' } = object
  if (typeof code !== 'number' || !Number.isSafeInteger(code) || code < 0) {
    throw new TypeError('expected code to be a whole number')
  }
  if (typeof msg !== 'string' || typeof details !== 'string') {
    throw new TypeError('expected msg and details to be strings')
  }
  return new CniError(code, msg, details)
}

/**
 * The result that a delegate named `type` printed; one without `cniVersion` is read as `version`.
 * Throws a `DelegationError` with code 999 when it is none.
 */
export function decodeAnswer(type: string, stdout: string, version: Version): Result {
  try {
    const value = parseObject(stdout)
    return value === null ? emptyResult : decodeResult(value, version).result
  } catch (error) {
    const { message, details } = toCniError(error)
    const found = `${type} printed ${quote(stdout)} instead of a result`
    throw new DelegationError(
      ErrorCode.internal,
      message,
      details === '' ? found : `${details}; ${found}`,
      { cause: error },
    )
  }
}

function parseObject(stdout: string): object | null {
  const prefix = 'failed to unmarshal raw result: '
  const value = parseJson(stdout, prefix)
  if (value === null || isObject(value)) return value
  throw new TypeError(`${prefix}the result must be object`)
}

/** A message holds no more characters than these of what a delegate printed. */
const maxQuoted = 4096

function quote(text: string): string {
  return JSON.stringify(text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text)
}
