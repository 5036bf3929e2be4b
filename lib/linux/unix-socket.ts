/** Unix sockets (unix(7)) that Node cannot have: clients that never wait, and datagrams. */
import { close, connect, getsockopt, send, socket } from './libc.ts'

// linux/socket.h, linux/net.h, asm-generic/fcntl.h
const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000

/**
 * socket(2) and connect(2): the file descriptor of a stream that is connected to the Unix socket at
 * the path, of at most 107 bytes, and never waits.
 */
export function connectUnix(path: string): number {
  return openUnix(SOCK_STREAM, unixAddress(path))
}

/**
 * Sends a datagram to the Unix socket at the path, of at most 107 bytes; behind `@` stands a name
 * that is not in the file system (unix(7)). Throws a `SyscallError`, also `EAGAIN` when its reader
 * lags behind: it never waits.
 */
export function sendUnixDatagram(path: string, bytes: Uint8Array): void {
  const isAbstract = path.startsWith('@')
  const address = isAbstract ? abstractUnixAddress(path.slice(1)) : unixAddress(path)
  const fd = openUnix(SOCK_DGRAM, address)
  try {
    send(fd, bytes)
  } finally {
    close(fd)
  }
}

function openUnix(type: number, address: Buffer): number {
  const fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  try {
    connect(fd, address)
    return fd
  } catch (error) {
    close(fd)
    throw error
  }
}

/** struct sockaddr_un, linux/un.h: the family in 16 bits, and 108 bytes for the path with its NUL. */
function unixAddress(path: string): Buffer {
  if (Buffer.byteLength(path) > 107) throw new RangeError(`${path} is too long for a Unix socket`)
  const address = Buffer.alloc(110)
  address.writeUInt16LE(AF_UNIX, 0)
  address.write(path, 2)
  return address
}

/** The same with a name that is not in the file system: a NUL stands before it, and none behind. */
function abstractUnixAddress(name: string): Buffer {
  return unixAddress(`\0${name}`).subarray(0, 3 + Buffer.byteLength(name))
}

/** The process that connected to a Unix socket, and its user (unix(7), SO_PEERCRED). */
export function peerCredentials(fd: number): { readonly pid: number; readonly uid: number } {
  // asm-generic/socket.h
  const SOL_SOCKET = 1
  const SO_PEERCRED = 17
  // struct ucred, linux/socket.h: pid, uid and gid, 32 bits each
  const ucred = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, 12)
  return { pid: ucred.readInt32LE(0), uid: ucred.readUInt32LE(4) }
}
