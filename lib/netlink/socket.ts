import { hasCode } from '../base/errors.ts'
import { close, recv, send, setsockopt, socket } from '../linux/libc.ts'
import { u32 } from './payload.ts'

// linux/socket.h
export const AF_NETLINK = 16
export const SOL_NETLINK = 270
export const MSG_TRUNC = 0x20
// linux/net.h, asm-generic/fcntl.h
export const SOCK_RAW = 3
export const SOCK_CLOEXEC = 0o2000000
// asm-generic/socket.h
export const SOL_SOCKET = 1
const SO_RCVTIMEO = 20
// linux/netlink.h
export const NETLINK_ROUTE = 0
const NETLINK_EXT_ACK = 11
const NETLINK_GET_STRICT_CHK = 12

/** In bytes: the kernel puts no more into a datagram (netlink_recvmsg of net/netlink/af_netlink.c). */
export const maxDatagram = 32 * 1024

/** Carries datagrams between a connection and the kernel. */
export interface Socket extends Disposable {
  send(datagram: Uint8Array): void
  /** The next datagram, whole. Throws a `SyscallError`: `EAGAIN` when none came in time. */
  receive(): Uint8Array
}

/**
 * Opens a netlink socket of the protocol in the calling thread's network namespace, where it stays,
 * whose `receive` waits so many seconds, and whose messages are sent by `sendBy`. Throws a `SyscallError`: `EPROTONOSUPPORT` when the kernel
 * does not have the protocol.
 */
export function openSocket(
  timeoutSeconds: number,
  protocol: number = NETLINK_ROUTE,
  sendBy: (fd: number, datagram: Uint8Array) => void = send,
): Socket {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)
  try {
    setOptions(fd, timeoutSeconds)
  } catch (error) {
    close(fd)
    throw error
  }
  let open = true
  const buffer = new Uint8Array(maxDatagram)
  return {
    send: (datagram) => uninterrupted(() => sendBy(fd, datagram)),
    receive: () => uninterrupted(() => receive(fd, buffer)),
    [Symbol.dispose]() {
      if (open) close(fd)
      open = false
    },
  }
}

function setOptions(fd: number, timeoutSeconds: number): void {
  // struct timeval, linux/time.h: seconds and microseconds, 64 bits each
  const timeout = new BigInt64Array([BigInt(timeoutSeconds), 0n])
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(timeout.buffer))
  for (const option of [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
    try {
      setsockopt(fd, SOL_NETLINK, option, u32.encode(1))
    } catch (error) {
      // Linux before 4.20 has no strict checks: its dumps hold more than was asked for
      if (!hasCode(error, 'ENOPROTOOPT')) throw error
    }
  }
}

function receive(fd: number, buffer: Uint8Array): Uint8Array {
  const size = recv(fd, buffer, MSG_TRUNC)
  if (size <= buffer.length) return buffer.slice(0, size)
  throw new Error(`the kernel sent ${size} bytes by netlink, expected at most ${buffer.length}`)
}

/** Runs an operation again for as long as a signal interrupts it, before anything has happened. */
function uninterrupted<T>(operation: () => T): T {
  for (;;) {
    try {
      return operation()
    } catch (error) {
      if (!hasCode(error, 'EINTR')) throw error
    }
  }
}
