/**
 * Protocol buffers, as far as etcd's messages need them: varints, bytes, text, messages and lists of
 * these (protobuf.dev/programming-guides/encoding). Fields that are not known are skipped.
 */

/** How the value of a field is written, and what it is when it is not there. */
export interface FieldType<T> {
  readonly missing: T
  /** The field's values on the wire, one for each time that it occurs. */
  write(value: T): readonly (bigint | Uint8Array)[]
  /** The value with one more occurrence taken into account. */
  read(wire: bigint | Uint8Array, before: T): T
}

/** A field of a message: its number and its type. */
export type Field<T> = readonly [number: number, type: FieldType<T>]

type Fields<T> = { readonly [K in keyof T]: Field<T[K]> }

/** A message: fields that are not given are as if they were missing. */
export interface MessageType<T> {
  encode(value: Partial<T>): Uint8Array
  /** Throws a `RangeError` for bytes that are no message. */
  decode(bytes: Uint8Array): T
}

const wireVarint = 0
const wireBytes = 2
/** Wire types of fixed size in bytes, which no message here has. */
const fixedSizes: Readonly<Record<number, number>> = { 1: 8, 5: 4 }

/** Declares a message by its fields. */
export function message<T extends object>(fields: Fields<T>): MessageType<T> {
  const entries = Object.entries<Field<unknown>>(fields as Fields<Record<string, unknown>>)
  const byNumber = new Map(entries.map(([name, [number, type]]) => [number, { name, type }]))
  return {
    encode(value) {
      const given = value as Readonly<Record<string, unknown>> // its fields are among `fields`
      const parts = entries.flatMap(([name, [number, type]]) => {
        const written = given[name] === undefined ? [] : type.write(given[name])
        return written.flatMap((wire) => encodeField(number, wire))
      })
      return Buffer.concat(parts)
    },
    decode(bytes) {
      const values: Record<string, unknown> = {}
      for (const [name, [, type]] of entries) values[name] = type.missing
      for (const { number, wire } of readFields(bytes)) {
        const field = byNumber.get(number)
        if (field !== undefined) values[field.name] = field.type.read(wire, values[field.name])
      }
      return values as T // every field is set
    },
  }
}

/** A field of another message. */
export function nested<T>(type: MessageType<T>): FieldType<T | undefined> {
  return {
    missing: undefined,
    write: (value) => (value === undefined ? [] : [type.encode(value)]),
    read: (wire) => type.decode(asBytes(wire)),
  }
}

/** A list of what occurs once for each item. */
export function repeated<T>(type: FieldType<T>): FieldType<readonly T[]> {
  // The lists that were begun here: one of thousands is not copied for each item.
  const begun = new WeakMap<readonly T[], T[]>()
  return {
    missing: [],
    write: (values) => values.flatMap((value) => type.write(value)),
    read(wire, before) {
      const list = begun.get(before) ?? [...before]
      list.push(type.read(wire, type.missing))
      begun.set(list, list)
      return list
    },
  }
}

const none = new Uint8Array(0)
const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const bytes: FieldType<Uint8Array> = {
  missing: none,
  write: (value) => (value.length === 0 ? [] : [value]),
  read: (wire) => asBytes(wire),
}

export const text: FieldType<string> = {
  missing: '',
  write: (value) => bytes.write(encoder.encode(value)),
  read: (wire) => decoder.decode(asBytes(wire)),
}

/** An int64 that may need all of its bits, such as the ID of a lease. */
export const int64: FieldType<bigint> = {
  missing: 0n,
  write: (value) => (value === 0n ? [] : [BigInt.asUintN(64, value)]),
  read: (wire) => BigInt.asIntN(64, asVarint(wire)),
}

/** An integer that a number can hold, such as a revision; any other is refused. */
export const integer: FieldType<number> = {
  missing: 0,
  write: (value) => int64.write(BigInt(value)),
  read(wire) {
    const value = Number(BigInt.asIntN(64, asVarint(wire)))
    if (Number.isSafeInteger(value)) return value
    throw new RangeError(`a number of etcd is too large: ${value}`)
  },
}

export const flag: FieldType<boolean> = {
  missing: false,
  write: (value) => (value ? [1n] : []),
  read: (wire) => asVarint(wire) !== 0n,
}

function asBytes(wire: bigint | Uint8Array): Uint8Array {
  if (typeof wire !== 'bigint') return wire
  throw new RangeError('a field of a message has a number where bytes are expected')
}

function asVarint(wire: bigint | Uint8Array): bigint {
  if (typeof wire === 'bigint') return wire
  throw new RangeError('a field of a message has bytes where a number is expected')
}

function encodeField(number: number, wire: bigint | Uint8Array): Uint8Array[] {
  const tag = (type: number) => encodeVarint(BigInt(number * 8 + type))
  return typeof wire === 'bigint'
    ? [tag(wireVarint), encodeVarint(wire)]
    : [tag(wireBytes), encodeVarint(BigInt(wire.length)), wire]
}

function encodeVarint(value: bigint): Uint8Array {
  const out: number[] = []
  let rest = value
  for (; rest >= 0x80n; rest >>= 7n) out.push(Number(rest & 0x7fn) | 0x80)
  out.push(Number(rest))
  return Uint8Array.from(out)
}

interface WireField {
  readonly number: number
  readonly wire: bigint | Uint8Array
}

function* readFields(bytes: Uint8Array): Generator<WireField> {
  const cursor = { bytes, offset: 0 }
  while (cursor.offset < bytes.length) {
    const tag = Number(readVarint(cursor))
    const [number, wireType] = [Math.floor(tag / 8), tag % 8]
    if (wireType === wireVarint) yield { number, wire: readVarint(cursor) }
    else if (wireType === wireBytes)
      yield { number, wire: take(cursor, Number(readVarint(cursor))) }
    else take(cursor, fixedSizes[wireType] ?? NaN)
  }
}

interface Cursor {
  readonly bytes: Uint8Array
  offset: number
}

function readVarint(cursor: Cursor): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.bytes[cursor.offset++]
    if (byte === undefined) throw new RangeError('a message ends within a number')
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
  throw new RangeError('a number of a message has more than 10 bytes')
}

function take(cursor: Cursor, length: number): Uint8Array {
  const end = cursor.offset + length
  if (!(end <= cursor.bytes.length)) {
    const left = cursor.bytes.length - cursor.offset
    throw new RangeError(`a field of a message has ${length} bytes, and ${left} are left`)
  }
  const part = cursor.bytes.subarray(cursor.offset, end)
  cursor.offset = end
  return part
}
