import { CniError, ErrorCode, errorText } from './errors.ts'

/**
 * Parses JSON from a file; throws a `CniError` with code 6 that says after `prefix` what is wrong
 * and where.
 */
export function parseJson(text: string, prefix: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The engine quotes what stands around the mistake, line breaks included.
    const problem = errorText(error).replaceAll(/\s+/g, ' ')
    throw new CniError(ErrorCode.decodingFailure, `${prefix}${problem}`, '', { cause: error })
  }
}
