import { getBuiltinModule } from 'node:process'

/** The SHA-512 of a text's UTF-8 bytes in hexadecimal digits. */
export function sha512(text: string): string {
  // Loaded when needed: it takes 6 ms, and few calls hash anything.
  const { createHash } = getBuiltinModule('node:crypto')
  return createHash('sha512').update(text).digest('hex')
}
