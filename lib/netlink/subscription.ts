/** What the kernel tells of its own accord: links, addresses, routes and neighbours that change. */
import { hasCode } from '../base/errors.ts'
import { bind, close, recv, setsockopt, socket } from '../linux/libc.ts'
import { decodeMessages, type Message } from './message.ts'
import { u32 } from './payload.ts'
import {
  AF_NETLINK,
  maxDatagram,
  MSG_TRUNC,
  NETLINK_ROUTE,
  SOCK_CLOEXEC,
  SOCK_RAW,
  SOL_NETLINK,
  SOL_SOCKET,
} from './socket.ts'
import { struct } from './struct.ts'

/** linux/netlink.h: without a port, the kernel chooses one. */
const sockaddr_nl = struct('sockaddr_nl', 12, {
  family: ['u16', 0],
  port: ['u32', 4],
  groups: ['u32', 8],
})

// linux/socket.h
const MSG_DONTWAIT = 0x40
// asm-generic/socket.h
const SO_RCVBUFFORCE = 33
// linux/netlink.h
const NETLINK_ADD_MEMBERSHIP = 1

/** Groups of NETLINK_ROUTE (linux/rtnetlink.h, enum rtnetlink_groups). */
export const groups = {
  link: 1,
  neighbour: 3,
  ipv4Address: 5,
  ipv4Route: 7,
  ipv6Address: 9,
  ipv6Route: 11,
} as const

/** How much may wait to be taken, in bytes of the kernel's memory: some thousand messages. */
const receiveBuffer = 4 * 1024 * 1024

export interface News {
  /** In the order in which it happened. */
  readonly messages: readonly Message[]
  /** More happened than could wait: what, nobody knows. */
  readonly lost: boolean
}

/** Belongs to the network namespace that it was opened in. */
export class Subscription implements Disposable {
  readonly #fd: number
  readonly #buffer = new Uint8Array(maxDatagram)
  #open = true

  private constructor(fd: number) {
    this.#fd = fd
  }

  /** Subscribes to groups in the calling thread's network namespace. Throws a `SyscallError`. */
  static open(...numbers: readonly number[]): Subscription {
    const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)
    try {
      setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, u32.encode(receiveBuffer))
      // the kernel tells nothing to a socket without a port, which is the one that it has itself
      bind(fd, sockaddr_nl.encode({ family: AF_NETLINK }))
      for (const number of numbers) {
        setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, u32.encode(number))
      }
      return new Subscription(fd)
    } catch (error) {
      close(fd)
      throw error
    }
  }

  /** What has happened since the last time; never waits. Throws a `SyscallError`. */
  take(): News {
    const messages: Message[] = []
    let lost = false
    for (;;) {
      try {
        const size = recv(this.#fd, this.#buffer, MSG_DONTWAIT | MSG_TRUNC)
        messages.push(...decodeMessages(this.#buffer.slice(0, size)))
      } catch (error) {
        if (hasCode(error, 'EAGAIN')) return { messages, lost }
        if (hasCode(error, 'ENOBUFS')) lost = true
        else if (!hasCode(error, 'EINTR')) throw error
      }
    }
  }

  [Symbol.dispose](): void {
    if (this.#open) close(this.#fd)
    this.#open = false
  }
}
