/** What the payload of an attribute can be. Sizes are exact: a payload of another one is refused. */
import { type Ip, ipFromBytes, ipToBytes } from '../ip/ip.ts'
import { macFromBytes, macToBytes } from '../ip/mac.ts'
import { type Codec, struct } from './struct.ts'

function integer(type: 'u8' | 'u16' | 'u32' | 'i32', size: number): Codec<number> {
  const { encode, decode } = struct(type, size, { value: [type, 0] })
  return {
    encode: (value) => encode({ value }),
    decode(bytes) {
      if (bytes.length !== size) throw new RangeError(`want ${size} bytes, got ${bytes.length}`)
      return decode(bytes).value
    },
  }
}

export const u8 = integer('u8', 1)
export const u16 = integer('u16', 2)
export const u32 = integer('u32', 4)
export const i32 = integer('i32', 4)

/** A number of 16 bits in the byte order of the network. */
export const u16be: Codec<number> = {
  encode: (value) => u16.encode(value).reverse(),
  decode: (bytes) => u16.decode(bytes.toReversed()),
}

/** Says something by being there; it has no bytes. */
export const presence: Codec<true> = { encode: () => new Uint8Array(), decode: () => true }

/** A number of one byte that is 0 or not. */
export const flag: Codec<boolean> = {
  encode: (value) => u8.encode(value ? 1 : 0),
  decode: (bytes) => u8.decode(bytes) !== 0,
}

const decoder = new TextDecoder()

/** Text; the kernel may put a zero byte behind it. */
export const text: Codec<string> = {
  encode: (value) => new TextEncoder().encode(value),
  decode(bytes) {
    const end = bytes.indexOf(0)
    return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end))
  },
}

/** Text with a zero byte behind it. */
export const zeroTerminated: Codec<string> = {
  encode: (value) => text.encode(`${value}\0`),
  decode: text.decode,
}

/** A payload that is taken as it is. */
export const raw: Codec<Uint8Array> = { encode: (value) => value, decode: (bytes) => bytes }

/** An IPv4 or IPv6 address by its length. */
export const ipAddress: Codec<Ip> = { encode: ipToBytes, decode: ipFromBytes }

/** A hardware address, written `0a:58:0a:f4:01:01`. */
export const macAddress: Codec<string> = { encode: macToBytes, decode: macFromBytes }
