/**
 * The fixed C structures at the head of netlink messages. Netlink speaks the byte order of the
 * host, and every machine that the executables are built for (x64, arm64) is little endian.
 */

/** How a value is written to bytes and read back; `Input` is what may be given for writing. */
export interface Codec<T, Input = T> {
  encode(value: Input): Uint8Array
  /** Throws a `RangeError` that says what was found and what was wanted. */
  decode(bytes: Uint8Array): T
}

/** A structure of fixed size with fields named `F`. Fields that are not given are zero. */
export interface Struct<F extends string> extends Codec<
  Record<F, number>,
  { readonly [field in F]?: number | undefined }
> {
  /** In bytes. */
  readonly size: number
  /** Reads the structure that begins at an offset in bytes, 0 if none is given. */
  decode(bytes: Uint8Array, offset?: number): Record<F, number>
}

const widths = { u8: 1, u16: 2, u32: 4, i32: 4 } as const

/** The C type of a field and its offset in bytes. */
export type Field = readonly [type: keyof typeof widths, offset: number]

/** Declares the C structure `name` of `size` bytes. */
export function struct<F extends string>(
  name: string,
  size: number,
  fields: Readonly<Record<F, Field>>,
): Struct<F> {
  const names = Object.keys(fields) as F[] // the keys of a literal are exactly F
  return {
    size,
    encode(value) {
      const bytes = new Uint8Array(size)
      for (const field of names) write(bytes, fields[field], value[field] ?? 0)
      return bytes
    },
    decode(bytes, offset = 0) {
      const length = bytes.length - offset
      if (length < size) throw new RangeError(`struct ${name}: want ${size} bytes, got ${length}`)
      const values = {} as Record<F, number> // every field is set here
      for (const field of names) values[field] = read(bytes, offset, fields[field])
      return values
    },
  }
}

// Byte by byte: a DataView takes memory outside of the heap, and its time, for a few bytes.
function write(bytes: Uint8Array, [type, offset]: Field, value: number): void {
  const least = type === 'i32' ? -(2 ** 31) : 0
  const end = least + 2 ** (8 * widths[type])
  if (!Number.isInteger(value) || value < least || value >= end) {
    throw new RangeError(`${value} does not fit in ${type}`)
  }
  for (let index = 0; index < widths[type]; index++) bytes[offset + index] = value >>> (8 * index)
}

function read(bytes: Uint8Array, start: number, [type, offset]: Field): number {
  let value = 0
  for (let index = widths[type] - 1; index >= 0; index--) {
    value = value * 256 + (bytes[start + offset + index] ?? 0)
  }
  return type === 'i32' ? value | 0 : value
}
