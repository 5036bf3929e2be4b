import { constants } from 'node:os'
import { hasCode } from '../base/errors.ts'
import { stage } from '../base/stage.ts'
import { SyscallError } from '../linux/libc.ts'
import type { Netns } from '../linux/netns.ts'
import { concat } from './attribute.ts'
import { NetlinkError } from './error.ts'
import {
  type Ack,
  decodeAck,
  decodeMessages,
  encodeMessage,
  type Message,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
} from './message.ts'
import { openSocket, type Socket } from './socket.ts'

const timeoutSeconds = 10
/** How often a dump is asked for again because the kernel's table changed under it. */
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
  /** The kernel's table changed while it was dumped: something may be missing or be there twice. */
  interrupted: boolean
  ack?: Ack
}

/**
 * Asks the kernel for what one network namespace has: the one its socket was opened in, wherever
 * the thread goes afterwards.
 */
export class Connection implements Disposable {
  readonly #socket: Socket
  #sequence = 0
  #port = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /**
   * Connects to the calling thread's network namespace, by NETLINK_ROUTE unless another protocol
   * is given; `sendBy` sends what there is to be sent. Throws a `SyscallError`.
   */
  static open(protocol?: number, sendBy?: (fd: number, datagram: Uint8Array) => void): Connection {
    return new Connection(openSocket(timeoutSeconds, protocol, sendBy))
  }

  /** Connects to a network namespace, and stays connected to it. Throws as `Netns.run` and `open`. */
  static openIn(netns: Netns): Connection {
    return netns.run(() => Connection.open())
  }

  /**
   * The port of its socket, by which the kernel names it in what it tells others of its requests; 0
   * before the first answer.
   */
  get port(): number {
    return this.#port
  }

  /**
   * Sends a request and returns what the kernel answers before its acknowledgement, or the whole
   * dump. Throws a `NetlinkError` when the kernel refuses or does not answer within 10 s, and when
   * the socket fails: then nobody knows whether the kernel has done it.
   */
  execute(request: Request): Message[] {
    for (let attempt = 0; attempt < dumpAttempts; attempt++) {
      const [reply] = this.#exchange([request])
      if (reply !== undefined && !reply.interrupted) return answers(request, reply)
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
    return requests.flatMap((request, index) => {
      const reply = replies[index]
      return reply === undefined ? [] : [answers(request, reply)]
    })
  }

  /**
   * Sends requests together, and returns how each ended: an error for one that the kernel refused.
   * Throws a `NetlinkError` when the socket fails, or no answer comes.
   */
  attemptAll(requests: readonly Request[]): (NetlinkError | undefined)[] {
    const outcomes: (NetlinkError | undefined)[] = []
    for (let start = 0; start < requests.length; start += batchSize) {
      const batch = requests.slice(start, start + batchSize)
      for (const [index, { ack }] of this.#exchange(batch).entries()) {
        const { operation = '' } = batch[index] ?? {}
        const isRefused = ack !== undefined && ack.errno !== 0
        outcomes.push(isRefused ? new NetlinkError(operation, ack) : undefined)
      }
    }
    return outcomes
  }

  /**
   * Sends a request, and returns what waits for its answer, which throws as `execute` does. Another
   * request may be sent in between only when nobody wants the answer.
   */
  post(request: Request): () => Message[] {
    const collect = stage(nameOf([request]), () => this.#begin([request]))
    return () => collect().flatMap((reply) => answers(request, reply))
  }

  #exchange(requests: readonly Request[]): Reply[] {
    return stage(nameOf(requests), () => this.#begin(requests)())
  }

  /** Sends requests, and returns what waits for the replies. */
  #begin(requests: readonly Request[]): () => Reply[] {
    const first = this.#sequence + 1
    this.#sequence += requests.length
    const messages = requests.map(({ flags = 0, ...request }, index) => ({
      ...request,
      flags: flags | NLM_F_REQUEST | NLM_F_ACK,
      sequence: first + index,
    }))
    this.#send(requests[0]?.operation ?? '', concat(messages.map(encodeMessage)))
    return () => this.#collect(requests, first)
  }

  #collect(requests: readonly Request[], first: number): Reply[] {
    const replies = requests.map((): Reply => ({ messages: [], interrupted: false }))
    for (const [index, { operation }] of requests.entries()) {
      while (replies[index]?.ack === undefined) {
        for (const message of this.#receive(operation)) {
          // an answer to none of these requests came too late for one that timed out
          const reply = replies[message.sequence - first]
          this.#port = message.port ?? 0
          if (reply !== undefined) take(reply, message)
        }
      }
    }
    return replies
  }

  #send(operation: string, datagram: Uint8Array): void {
    try {
      this.#socket.send(datagram)
    } catch (error) {
      throw failure(operation, error)
    }
  }

  #receive(operation: string): Message[] {
    return decodeMessages(this.#receiveDatagram(operation))
  }

  #receiveDatagram(operation: string): Uint8Array {
    try {
      return this.#socket.receive()
    } catch (error) {
      if (!hasCode(error, 'EAGAIN')) throw failure(operation, error)
      const text = `the kernel did not answer within ${timeoutSeconds} s`
      throw new NetlinkError(operation, { errno: constants.errno.ETIMEDOUT, text })
    }
  }

  /** Closes the socket. */
  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]()
  }
}

/** The name of the stage in which requests are sent together. */
function nameOf(requests: readonly Request[]): string {
  return `netlink: ${requests.map(({ operation }) => operation).join('; ')}`
}

/** The failure of a system call, with what it was to do. */
function failure(operation: string, error: unknown): unknown {
  if (!(error instanceof SyscallError)) return error
  const { errno, syscall } = error
  return new NetlinkError(operation, { errno, text: `${syscall} of netlink failed` })
}

function take(reply: Reply, message: Message): void {
  if (message.flags & NLM_F_DUMP_INTR) reply.interrupted = true
  if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) reply.ack = decodeAck(message)
  else reply.messages.push(message)
}

function answers({ operation }: Request, { ack, messages }: Reply): Message[] {
  if (ack !== undefined && ack.errno !== 0) throw new NetlinkError(operation, ack)
  return messages
}
