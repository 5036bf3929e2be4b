import type { Family } from '../ip/ip.ts'

// linux/socket.h
const AF_INET = 2
const AF_INET6 = 10
export const AF_BRIDGE = 7

/** The kernel's number for an IP address family. */
export function addressFamily(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6
}

/** The IP address family with the kernel's number, or undefined for any other. */
export function ipFamily(number: number): Family | undefined {
  if (number === AF_INET) return 4
  return number === AF_INET6 ? 6 : undefined
}
