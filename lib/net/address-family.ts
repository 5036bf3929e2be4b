import type { Family } from './ip.ts'

// linux/socket.h
const AF_INET = 2
const AF_INET6 = 10

/** The kernel's number for an address family. */
export function addressFamily(family: Family): number {
  return family === 4 ? AF_INET : AF_INET6
}

/** The address family with the kernel's number, or undefined for one that is not IP. */
export function familyOf(number: number): Family | undefined {
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined
}
