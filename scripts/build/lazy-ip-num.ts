/**
 * An esbuild plugin for ip-num: its constants for kinds of addresses are made when they are first
 * used. Making them at import runs an IPv6 regular expression whose compilation takes longer than
 * a plugin's whole work, and no plugin uses them.
 */
import { readFile } from 'node:fs/promises'
import type { Plugin } from 'esbuild'

const constants = [
  'IPv4.PRIVATE_RANGES',
  'IPv4.DOCUMENTATION_RANGES',
  'IPv4.MULTICAST_RANGE',
  'IPv4.LOOPBACK_RANGE',
  'IPv4.LINK_LOCAL_RANGE',
  'IPv4.LIMITED_BROADCAST',
  'IPv6.PRIVATE_RANGE',
  'IPv6.DOCUMENTATION_RANGES',
  'IPv6.MULTICAST_RANGE',
  'IPv6.UNSPECIFIED_RANGE',
  'IPv6.LOOPBACK_RANGE',
  'IPv6.LINK_LOCAL_RANGE',
  'IPv6.DISCARD_ONLY_RANGE',
]

export const lazyIpNum: Plugin = {
  name: 'lazy-ip-num',
  setup(build) {
    build.onLoad({ filter: /\/ip-num\/dist\/src\/IPNumber\.js$/ }, async ({ path }) => ({
      contents: lazyConstants(await readFile(path, 'utf8')),
      loader: 'js',
    }))
  },
}

/**
 * The source of IPNumber.js with each constant behind a getter. Throws when the file does not
 * assign exactly the constants it is known to have.
 */
export function lazyConstants(source: string): string {
  const found: string[] = []
  const lazy = source.replace(
    /^(IPv[46])\.(\w+) = ([^;]+);$/gm,
    (_, type: string, name: string, value: string) => {
      found.push(`${type}.${name}`)
      return `Object.defineProperty(${type}, '${name}', { get: () => (${value}) });`
    },
  )
  if (found.join() === constants.join()) return lazy
  throw new Error(
    `ip-num's IPNumber.js has changed: it assigns ${found.join(', ')}; ` +
      'see what is new there and bring scripts/build/lazy-ip-num.ts in line',
  )
}
