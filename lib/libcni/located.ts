import { CniError, toCniError } from '../cni/errors.ts'

/** Runs `parse`; the details of its error say which file it is about and what to do with it. */
export function located<T>(file: string, remedy: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    const { code, message, details } = toCniError(error)
    const place = `in ${file}: ${remedy}`
    const text = details === '' ? place : `${place}; ${details}`
    throw new CniError(code, message, text, { cause: error })
  }
}
