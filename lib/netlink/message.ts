/** Netlink messages and the kernel's acknowledgements (linux/netlink.h, netlink(7)). */
import { align, attribute, attributeSet } from './attribute.ts'
import { i32, text, u32 } from './payload.ts'
import { struct } from './struct.ts'

// linux/netlink.h: message types
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

// linux/netlink.h: flags of every message
export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_DUMP_INTR = 0x10
// linux/netlink.h: flags of a GET request
export const NLM_F_DUMP = 0x300
// linux/netlink.h: flags of a NEW request
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
// linux/netlink.h: flags of an acknowledgement
const NLM_F_CAPPED = 0x100
const NLM_F_ACK_TLVS = 0x200

const nlmsghdr = struct('nlmsghdr', 16, {
  length: ['u32', 0],
  type: ['u16', 4],
  flags: ['u16', 6],
  sequence: ['u32', 8],
  port: ['u32', 12],
})

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** Of what the kernel sends: the port of the socket that has asked for it, or 0. */
  readonly port?: number
  readonly payload: Uint8Array
}

/** The bytes of a message to the kernel, padded so that another one may follow. */
export function encodeMessage({ type, flags, sequence, port, payload }: Message): Uint8Array {
  const length = nlmsghdr.size + payload.length
  const bytes = new Uint8Array(align(length))
  bytes.set(nlmsghdr.encode({ length, type, flags, sequence, port }))
  bytes.set(payload, nlmsghdr.size)
  return bytes
}

/**
 * Splits a datagram into its messages. Throws a `RangeError` when one is longer than the bytes
 * there are.
 */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const messages: Message[] = []
  for (let offset = 0; offset < bytes.length;) {
    const { length, type, flags, sequence, port } = nlmsghdr.decode(bytes, offset)
    if (length < nlmsghdr.size || length > bytes.length - offset) {
      const left = bytes.length - offset
      throw new RangeError(`netlink message ${type}: length ${length}, ${left} bytes left`)
    }
    const payload = bytes.subarray(offset + nlmsghdr.size, offset + length)
    messages.push({ type, flags, sequence, port, payload })
    offset += align(length)
  }
  return messages
}

// linux/netlink.h: enum nlmsgerr_attrs
const errorAttributes = attributeSet({
  text: attribute(1, 'NLMSGERR_ATTR_MSG', text),
  offset: attribute(2, 'NLMSGERR_ATTR_OFFS', u32),
})

/** How the kernel ended a request. */
export interface Ack {
  /** Positive; 0 for success. */
  readonly errno: number
  /** What the kernel says about the error in words, or a warning. */
  readonly text?: string | undefined
  /** Where in the request the offending attribute starts, in bytes. */
  readonly offset?: number | undefined
}

/**
 * Reads a message of type NLMSG_ERROR (struct nlmsgerr: the error, then the request's header, and
 * the request's payload unless capped) or NLMSG_DONE (the error), with what follows either.
 */
export function decodeAck({ type, flags, payload }: Message): Ack {
  const errno = Math.max(0, -i32.decode(payload.subarray(0, 4)))
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno }
  return {
    errno,
    ...errorAttributes.decode(payload.subarray(4 + echoLength(type, flags, payload))),
  }
}

/** How many bytes of the request an acknowledgement repeats. */
function echoLength(type: number, flags: number, payload: Uint8Array): number {
  if (type === NLMSG_DONE) return 0
  const request = nlmsghdr.decode(payload, 4)
  return (flags & NLM_F_CAPPED) === 0 ? align(request.length) : nlmsghdr.size
}
