/** Errors as text, whatever threw them. */
import { errnoText } from './errno.ts'

/** A failure for people to read: `details` say what was expected, and what to do about it. */
export class DetailedError extends Error {
  override readonly name: string = 'DetailedError'
  readonly details: string

  constructor(message: string, details: string, options?: ErrorOptions) {
    super(message, options)
    this.details = details
  }
}

/** Whether a thrown value is a failed system call with one of these errno names, e.g. `ENOENT`. */
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

/** What the error of any kind says to do about it; empty when it says nothing. */
export function detailsOf(error: unknown): string {
  return error instanceof Error && 'details' in error ? String(error.details) : ''
}

/** Any thrown value as a `DetailedError`; one that is a `DetailedError` already passes through. */
export function toDetailed(error: unknown): DetailedError {
  if (error instanceof DetailedError) return error
  return new DetailedError(errorText(error), detailsOf(error), { cause: error })
}

/** The text of any thrown value and its details, for a log: `message; details`. */
export function fullText(error: unknown): string {
  const details = detailsOf(error)
  return details === '' ? errorText(error) : `${errorText(error)}; ${details}`
}
