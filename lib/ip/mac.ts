/** Hardware addresses: text and bytes. */

const pairs = /^[0-9a-f]{2}(?:([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2})*)$/i
const quads = /^[0-9a-f]{4}(?:\.[0-9a-f]{4})+$/i

/**
 * The bytes of an address in the forms that Go's net.ParseMAC takes: 6, 8 or 20 bytes, in pairs
 * of digits with `:` or `-` between them, or in fours with `.`. Throws a `RangeError` with Go's
 * text for anything else.
 */
export function macToBytes(text: string): Uint8Array {
  const digits = pairs.test(text) || quads.test(text) ? text.replaceAll(/[:.-]/g, '') : ''
  if (![12, 16, 40].includes(digits.length)) {
    throw new RangeError(`address ${text}: invalid MAC address`)
  }
  return Uint8Array.fromHex(digits)
}

/** `0a:58:0a:f4:01:01`; empty for no bytes. */
export function macFromBytes(bytes: Uint8Array): string {
  return bytes.toHex().replaceAll(/..(?=.)/g, '$&:')
}
