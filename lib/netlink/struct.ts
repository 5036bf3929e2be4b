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
      const view = new DataView(new ArrayBuffer(size))
      for (const field of names) write(view, fields[field], value[field] ?? 0)
      return new Uint8Array(view.buffer)
    },
    decode(bytes) {
      if (bytes.length < size) {
        throw new RangeError(`struct ${name}: want ${size} bytes, got ${bytes.length}`)
      }
      const view = new DataView(bytes.buffer, bytes.byteOffset, size)
      const values = names.map((field) => [field, read(view, fields[field])])
      return Object.fromEntries(values) as Record<F, number> // every name of F is in it
    },
  }
}

function write(view: DataView, [type, offset]: Field, value: number): void {
  const least = type === 'i32' ? -(2 ** 31) : 0
  const end = least + 2 ** (8 * widths[type])
  if (!Number.isInteger(value) || value < least || value >= end) {
    throw new RangeError(`${value} does not fit in ${type}`)
  }
  if (type === 'u8') view.setUint8(offset, value)
  else if (type === 'u16') view.setUint16(offset, value, true)
  else view.setUint32(offset, value, true)
}

function read(view: DataView, [type, offset]: Field): number {
  switch (type) {
    case 'u8':
      return view.getUint8(offset)
    case 'u16':
      return view.getUint16(offset, true)
    case 'u32':
      return view.getUint32(offset, true)
    case 'i32':
      return view.getInt32(offset, true)
  }
}
