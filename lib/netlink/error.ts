import { getSystemErrorName } from 'node:util'
import { errnoText } from '../base/errno.ts'
import type { Ack } from './message.ts'

/**
 * A request that the kernel refused. The message is the errno's text in Go's spelling, because
 * callers put it behind a text of their own; `details` has the rest.
 */
export class NetlinkError extends Error {
  override readonly name = 'NetlinkError'
  /** What was asked for, as a person would type it: `link add veth1234`. */
  readonly operation: string
  /** The errno's name: `EEXIST`. */
  readonly code: string
  /** Positive. */
  readonly errno: number
  /** What the kernel says about it in words; empty when it says nothing. */
  readonly kernelMessage: string
  /** The operation, the kernel's words, and where in the request it found fault. */
  readonly details: string

  constructor(operation: string, { errno, text = '', offset }: Ack) {
    super(errnoText(errno))
    this.operation = operation
    this.code = getSystemErrorName(-errno)
    this.errno = errno
    this.kernelMessage = text
    const place = offset === undefined ? '' : ` (attribute at byte ${offset} of the request)`
    this.details = (text === '' ? operation : `${operation}: ${text}`) + place
  }
}
