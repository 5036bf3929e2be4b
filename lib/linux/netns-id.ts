/** Which network namespace a path leads to, as files can keep it. */
import { statSync } from 'node:fs'
import { close, getsockopt, socket } from './libc.ts'
import { Netns } from './netns.ts'

/**
 * What a path leads to, as `DEVICE:INODE:COOKIE`: the same again only while it is the same namespace; empty for nothing. The
 * kernel gives the inode number of a namespace that is gone to one of the next. It has a cookie since
 * Linux 5.14, which is never given again.
 */
export function identifyNetns(path: string): string {
  try {
    const { dev, ino } = statSync(path, { bigint: true })
    const cookie = cookieOf(path)
    return cookie === undefined ? `${dev}:${ino}` : `${dev}:${ino}:${cookie}`
  } catch {
    return '' // whatever keeps it from being looked at, there is no sandbox to be found there
  }
}

/** The cookie of the namespace at a path; undefined for none, with older kernels, and without root. */
export function cookieOf(path: string): string | undefined {
  try {
    using netns = Netns.open(path)
    return String(netns.run(readCookie))
  } catch {
    return undefined // then the inode number has to do
  }
}

/** Of the calling thread's namespace: socket(7), SO_NETNS_COOKIE. Throws before Linux 5.14. */
function readCookie(): bigint {
  // linux/socket.h, linux/net.h, asm-generic/fcntl.h
  const [AF_NETLINK, SOCK_RAW, SOCK_CLOEXEC] = [16, 3, 0o2000000]
  // asm-generic/socket.h
  const [SOL_SOCKET, SO_NETNS_COOKIE] = [1, 71]
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0)
  try {
    return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, 8).readBigUInt64LE(0)
  } finally {
    close(fd)
  }
}

/** Whether both are one namespace, as far as both say. */
export function isSameNetns(a: string, b: string): boolean {
  const [[aDevice, aInode, aCookie], [bDevice, bInode, bCookie]] = [a.split(':'), b.split(':')]
  if (a === '' || aDevice !== bDevice || aInode !== bInode) return false
  return aCookie === undefined || bCookie === undefined || aCookie === bCookie
}
