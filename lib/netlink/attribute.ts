/**
 * Netlink attributes: a length, a type and a payload each, padded to four bytes and possibly
 * nested (struct nlattr, linux/netlink.h; struct rtattr, linux/rtnetlink.h).
 */
import { type Codec, struct, type Struct } from './struct.ts'

const nlattr = struct('nlattr', 4, { length: ['u16', 0], type: ['u16', 2] })

// linux/netlink.h: NLA_TYPE_MASK leaves out NLA_F_NESTED and NLA_F_NET_BYTEORDER.
const NLA_TYPE_MASK = 0x3fff
/** To be set in the type of the few attributes of which the kernel demands it; never read back. */
export const NLA_F_NESTED = 0x8000

/** NLA_ALIGN, linux/netlink.h. */
export function align(length: number): number {
  return (length + 3) & ~3
}

export interface RawAttribute {
  readonly type: number
  readonly payload: Uint8Array
}

/** The bytes of attributes one after the other, each padded. */
export function encodeAttributes(attributes: readonly RawAttribute[]): Uint8Array {
  const lengths = attributes.map(({ payload }) => nlattr.size + payload.length)
  const bytes = new Uint8Array(lengths.reduce((total, length) => total + align(length), 0))
  let offset = 0
  for (const { type, payload } of attributes) {
    const length = nlattr.size + payload.length
    bytes.set(nlattr.encode({ length, type }), offset)
    bytes.set(payload, offset + nlattr.size)
    offset += align(length)
  }
  return bytes
}

/**
 * Splits bytes into attributes: all, or those of the types that are `wanted`. The padding of the
 * last one may be missing. Throws a `RangeError` when an attribute is longer than the bytes there
 * are.
 */
export function decodeAttributes(
  bytes: Uint8Array,
  wanted?: { has(type: number): boolean },
): RawAttribute[] {
  const attributes: RawAttribute[] = []
  for (let offset = 0; offset < bytes.length;) {
    const head = nlattr.decode(bytes, offset)
    const [type, end] = [head.type & NLA_TYPE_MASK, offset + head.length]
    if (head.length < nlattr.size || end > bytes.length) {
      const left = bytes.length - offset
      throw new RangeError(`attribute ${type}: length ${head.length}, ${left} bytes left`)
    }
    if (wanted?.has(type) ?? true) {
      attributes.push({ type, payload: bytes.subarray(offset + nlattr.size, end) })
    }
    offset += align(head.length)
  }
  return attributes
}

/** One attribute of a family: its number, its name in C, and what its payload is. */
export interface Attribute<T> {
  readonly type: number
  readonly name: string
  readonly codec: Codec<T>
}

export function attribute<T>(type: number, name: string, codec: Codec<T>): Attribute<T> {
  return { type, name, codec }
}

/** The values of a set of attributes, by the set's keys. */
export type Values<S> = {
  readonly [K in keyof S]?: (S[K] extends Attribute<infer T> ? T : never) | undefined
}

/**
 * The codec of a set of attributes. Values are written in the order of the set. Attributes that
 * the set does not name are skipped when reading, and of equal ones the last counts, as in the
 * kernel. A payload that does not fit is a `RangeError` with the attribute's name.
 */
export function attributeSet<S extends Record<string, Attribute<unknown>>>(
  set: S,
): Codec<Values<S>> {
  const byType = new Map(Object.entries(set).map(([key, { type }]) => [type & NLA_TYPE_MASK, key]))
  return {
    encode(values: Readonly<Record<string, unknown>>) {
      const raw: RawAttribute[] = []
      for (const [key, { type, name, codec }] of Object.entries(set)) {
        const value = values[key]
        if (value === undefined) continue
        raw.push({ type, payload: named(name, () => codec.encode(value)) })
      }
      return encodeAttributes(raw)
    },
    decode(bytes) {
      const values: Record<string, unknown> = {}
      for (const { type, payload } of decodeAttributes(bytes, byType)) {
        const key = byType.get(type)
        const known = key === undefined ? undefined : set[key]
        if (key === undefined || known === undefined) continue
        values[key] = named(known.name, () => known.codec.decode(payload))
      }
      return values as Values<S> // every key was read by the codec of its attribute
    },
  }
}

function named<T>(name: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new RangeError(`${name}: ${error.message}`, { cause: error })
  }
}

/** The codec of a structure that attributes follow: the values of both in one object. */
export function withAttributes<F extends string, A extends object>(
  head: Struct<F>,
  attributes: Codec<A>,
): Codec<Record<F, number> & A, Parameters<Struct<F>['encode']>[0] & A> {
  return {
    encode: (value) => concat([head.encode(value), attributes.encode(value)]),
    decode: (bytes) => ({
      ...head.decode(bytes),
      ...attributes.decode(bytes.subarray(head.size)),
    }),
  }
}

/** The bytes of all parts in one array. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let offset = 0
  for (const part of parts) {
    bytes.set(part, offset)
    offset += part.length
  }
  return bytes
}
