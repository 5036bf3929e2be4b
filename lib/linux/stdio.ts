/** Streams that are read and written whole, blocking, whichever mode they were opened in. */
import { readSync, writeSync } from 'node:fs'
import { hasCode } from '../base/errors.ts'
import { waitReadable, waitWritable } from './libc.ts'

export interface ReadLimits {
  /** Within so many milliseconds something must come, or the end. */
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** Reads to the end. Throws an `Error` when nothing comes any more, and when too much comes. */
export function readAll(fd: number, { timeoutMs, maxBytes }: ReadLimits): string {
  const chunks: Uint8Array[] = []
  let total = 0
  for (;;) {
    if (!waitReadable(fd, timeoutMs)) throw new Error(`not closed within ${timeoutMs / 1000} s`)
    const chunk = Buffer.allocUnsafe(64 * 1024)
    const length = readSync(fd, chunk)
    if (length === 0) return Buffer.concat(chunks).toString('utf8')
    chunks.push(chunk.subarray(0, length))
    total += length
    if (total > maxBytes) throw new Error(`more than ${maxBytes} bytes`)
  }
}

/**
 * Writes all of the text. A reader that has gone away is not an error: nobody is there to tell.
 * Throws Node's system errors, e.g. for a full disk.
 */
export function writeAll(fd: number, text: string): void {
  let rest = Buffer.from(text)
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest))
    } catch (error) {
      if (hasCode(error, 'EPIPE', 'EBADF')) return
      if (!hasCode(error, 'EAGAIN')) throw error
      waitWritable(fd) // a pipe that the caller made non-blocking, and that is full
    }
  }
}
