import { closeSync } from 'node:fs'
import { constants } from 'node:os'
import { hasCode } from '../cni/errors.ts'
import { recv, send, setsockopt, socket } from '../net/libc.ts'
import { concat, u32 } from './attribute.ts'
import { NetlinkError } from './error.ts'
import {
  decodeAck,
  decodeMessages,
  encodeMessage,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts'
import type { Ack, Message } from './message.ts'

// linux/socket.h
const AF_NETLINK = 16
const SOL_NETLINK = 270
const MSG_PEEK = 0x2
const MSG_TRUNC = 0x20
// linux/net.h, asm-generic/fcntl.h
const SOCK_RAW = 3
const SOCK_CLOEXEC = 0o2000000
// asm-generic/socket.h
const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
// linux/netlink.h
const NETLINK_ROUTE = 0
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

const timeoutSeconds = 10
/** How often a dump is asked for again because the kernel's tables changed under it. */
const dumpAttempts = 10
/** How many requests go out together: their answers must fit in the socket's receive buffer. */
const batchSize = 64

/** One message to the kernel. */
export interface Request {
  /** What is asked for, as a person would type it: it stands in the error. */
  readonly operation: string
  readonly type: number
  /** Beyond NLM_F_REQUEST and NLM_F_ACK, which are always set. */
  readonly flags?: number
  readonly payload: Uint8Array
}

interface Reply {
  readonly messages: Message[]
  ack?: Ack
}

/**
 * A NETLINK_ROUTE socket. It belongs to the network namespace it was opened in, wherever the
 * thread goes afterwards.
 */
export class Connection implements Disposable {
  readonly #fd: number
  #sequence = 0
  #open = true

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** Opens a socket in the calling thread's network namespace; throws a `SyscallError`. */
  static open(): Connection {
    const connection = new Connection(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE))
    try {
      connection.#setOptions()
      return connection
    } catch (error) {
      connection[Symbol.dispose]()
      throw error
    }
  }

  #setOptions(): void {
    // struct timeval, linux/time.h: seconds and microseconds of 64 bits each
    const timeout = new BigInt64Array([BigInt(timeoutSeconds), 0n])
    setsockopt(this.#fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer))
    for (const option of [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      try {
        setsockopt(this.#fd, SOL_NETLINK, option, u32.encode(1))
      } catch (error) {
        // Linux before 4.20 lacks strict checks: it gives less text, and dumps without filter
        if (!hasCode(error, 'ENOPROTOOPT')) throw error
      }
    }
  }

  /**
   * Sends a request and returns what the kernel answers before its acknowledgement, or the whole
   * dump. Throws a `NetlinkError` when the kernel refuses or does not answer within 10 s, and a
   * `SyscallError` when the socket fails.
   */
  execute(request: Request): Message[] {
    for (let attempt = 0; attempt < dumpAttempts; attempt++) {
      const [messages = []] = this.executeAll([request])
      if (!messages.some(({ flags }) => flags & NLM_F_DUMP_INTR)) return messages
    }
    const text = `the kernel's table changed during each of ${dumpAttempts} attempts to read it`
    throw new NetlinkError(request.operation, { errno: constants.errno.EINTR, text })
  }

  /**
   * Sends requests together and returns the answers to each. The kernel carries out all of them,
   * in order, also those behind one that fails; then the first failure is thrown as by `execute`.
   */
  executeAll(requests: readonly Request[]): Message[][] {
    const replies: Reply[] = []
    for (let start = 0; start < requests.length; start += batchSize) {
      replies.push(...this.#exchange(requests.slice(start, start + batchSize)))
    }
    for (const [index, { operation }] of requests.entries()) {
      const ack = replies[index]?.ack
      if (ack !== undefined && ack.errno !== 0) throw new NetlinkError(operation, ack)
    }
    return replies.map(({ messages }) => messages)
  }

  #exchange(requests: readonly Request[]): Reply[] {
    const first = this.#sequence + 1
    this.#sequence += requests.length
    const datagram = requests.map(({ type, flags = 0, payload }, index) =>
      encodeMessage({
        type,
        flags: flags | NLM_F_REQUEST | NLM_F_ACK,
        sequence: first + index,
        payload,
      }),
    )
    send(this.#fd, concat(datagram))
    const replies = requests.map((): Reply => ({ messages: [] }))
    for (const [index, { operation }] of requests.entries()) {
      while (replies[index]?.ack === undefined) {
        for (const message of decodeMessages(this.#receive(operation))) {
          // an answer to no request of these came too late for an earlier one that timed out
          const reply = replies[message.sequence - first]
          if (reply !== undefined) take(reply, message)
        }
      }
    }
    return replies
  }

  /** The next datagram, whole. */
  #receive(operation: string): Uint8Array {
    for (;;) {
      try {
        const size = recv(this.#fd, new Uint8Array(0), MSG_PEEK | MSG_TRUNC)
        const bytes = new Uint8Array(size)
        return bytes.subarray(0, recv(this.#fd, bytes, 0))
      } catch (error) {
        if (hasCode(error, 'EINTR')) continue
        if (!hasCode(error, 'EAGAIN')) throw error
        const text = `the kernel did not answer within ${timeoutSeconds} s`
        throw new NetlinkError(operation, { errno: constants.errno.ETIMEDOUT, text })
      }
    }
  }

  /** Closes the socket; again is fine. */
  [Symbol.dispose](): void {
    if (this.#open) closeSync(this.#fd)
    this.#open = false
  }
}

function take(reply: Reply, message: Message): void {
  if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) reply.ack = decodeAck(message)
  else reply.messages.push(message)
}
