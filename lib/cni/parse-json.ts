import { errorText } from '../base/errors.ts'
import { CniError, ErrorCode } from './errors.ts'

/**
 * Parses JSON; throws a `CniError` with code 6 that says after `prefix` what is wrong and where,
 * and in its details what was expected.
 */
export function parseJson(text: string, prefix: string, details = ''): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const message = `${prefix}${problemOf(text, error)}`
    throw new CniError(ErrorCode.decodingFailure, message, details, { cause: error })
  }
}

function problemOf(text: string, error: unknown): string {
  // An editor put it there, and nobody sees it in the text that the engine quotes.
  if (text.startsWith('\ufeff')) return 'begins with a byte order mark (U+FEFF)'
  // The engine quotes what stands around the mistake, line breaks and all.
  return errorText(error).replaceAll(/[\s\p{Cc}]+/gu, ' ')
}
