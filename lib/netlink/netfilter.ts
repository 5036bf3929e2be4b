/** What the messages of netfilter's subsystems have in common (linux/netfilter/nfnetlink.h). */
import { type Codec, struct } from './struct.ts'

/** linux/netlink.h: the netlink protocol that carries them. */
export const NETLINK_NETFILTER = 12

// linux/netfilter/nfnetlink.h: NFNL_SUBSYS_*
const subsystems = { conntrack: 1, nftables: 10 } as const

/** The type of a message: its subsystem in the upper byte, what it is there in the lower. */
export function messageType(subsystem: keyof typeof subsystems, message: number): number {
  return (subsystems[subsystem] << 8) | message
}

/** linux/netfilter/nfnetlink.h; `resource` is big-endian, and 0 in every message here. */
export const nfgenmsg = struct('nfgenmsg', 4, {
  family: ['u8', 0],
  version: ['u8', 1],
  resource: ['u16', 2],
})

/** A 16-bit number in network byte order. */
export const bigEndian16: Codec<number> = {
  encode: (value) => Uint8Array.of(value >> 8, value & 0xff),
  decode(bytes) {
    const [high, low] = bytes
    if (bytes.length === 2 && high !== undefined && low !== undefined) return (high << 8) | low
    throw new RangeError(`want 2 bytes, got ${bytes.length}`)
  },
}

/** A 32-bit number in network byte order. */
export const bigEndian32: Codec<number> = {
  encode: (value) => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value),
  decode(bytes) {
    if (bytes.length !== 4) throw new RangeError(`want 4 bytes, got ${bytes.length}`)
    return bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  },
}
