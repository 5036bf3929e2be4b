/** Addresses that mean the same everywhere. */
import { type Cidr, type Family, ipFromValue } from './ip.ts'

/** RFC 5771 and RFC 4291, section 2.7. */
export const multicast: Readonly<Record<Family, Cidr>> = {
  4: { ip: ipFromValue(4, 0xe000_0000n), prefix: 4 },
  6: { ip: ipFromValue(6, 0xffn << 120n), prefix: 8 },
}

/** Every address of a family. */
export const everywhere: Readonly<Record<Family, Cidr>> = {
  4: { ip: ipFromValue(4, 0n), prefix: 0 },
  6: { ip: ipFromValue(6, 0n), prefix: 0 },
}

/** 127.0.0.1. */
export const localhost = ipFromValue(4, 0x7f00_0001n)
