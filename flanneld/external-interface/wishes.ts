/** What the operator says of the external interface, checked. */
import { DetailedError, errorText } from '../../lib/base/errors.ts'
import { type Family, family, type Ip, parseIp } from '../../lib/ip/ip.ts'
import type { InterfaceOptions } from './external-interface.ts'

export interface Wishes {
  /** Names, or addresses: in the order in which they are tried. */
  readonly named: readonly (string | Ip)[]
  readonly patterns: readonly RegExp[]
  /** An address that the interface leads to. */
  readonly destination: Ip | undefined
  /** Of the network's families. */
  readonly publicIps: Readonly<Partial<Record<Family, Ip>>>
}

const publicFlags = { 4: 'public-ip', 6: 'public-ipv6' } as const

/**
 * Reads the options for a network of these families. Throws a `DetailedError` that names the option
 * whose value is no regular expression, or no address of the right family.
 */
export function readWishes(options: InterfaceOptions, families: readonly Family[]): Wishes {
  return {
    named: options.iface.map((text) => parseIp(text) ?? text),
    patterns: options['iface-regex'].map(readPattern),
    destination: readDestination(options['iface-can-reach'], families),
    publicIps: Object.fromEntries(
      families.flatMap((of) => {
        const ip = readIp(publicFlags[of], options[publicFlags[of]], [of])
        return ip === undefined ? [] : [[of, ip]]
      }),
    ),
  }
}

/** The address of --iface-can-reach; undefined when the option is not given. Throws as `readWishes`. */
export function readDestination(text: string, families: readonly Family[]): Ip | undefined {
  return readIp('iface-can-reach', text, families)
}

/**
 * A regular expression of Go's. JavaScript reads nearly all of them alike, and in its strict mode
 * refuses what it would read differently, such as \z and [[:alpha:]]. Only flags stand elsewhere, and
 * Go escapes any punctuation.
 */
function readPattern(text: string): RegExp {
  const [, flags = '', pattern = ''] = /^(?:\(\?([ims]+)\))?(.*)$/s.exec(text) ?? []
  try {
    return new RegExp(pattern.replaceAll(/\\(.)/gs, escape), `${[...new Set(flags)].join('')}u`)
  } catch (error) {
    throw new DetailedError(
      `--iface-regex=${text} is no regular expression`,
      `${errorText(error)}; expected one such as ^eth\\d+$ or ^192\\.0\\.2\\.`,
      { cause: error },
    )
  }
}

/** An escape as JavaScript knows it: for `\-`, which it does not, `\x2d`. */
function escape(pair: string, character: string): string {
  if (!/[-_ !"#%&',:;<=>@`~]/.test(character)) return pair
  return `\\x${character.charCodeAt(0).toString(16)}`
}

function readIp(flag: string, text: string, families: readonly Family[]): Ip | undefined {
  if (text === '') return undefined
  const ip = parseIp(text)
  if (ip !== undefined && families.includes(family(ip))) return ip
  const kinds = families.map((of) => `IPv${of}`).join(' or ')
  const reason = 'the network has no other family'
  throw new DetailedError(
    `--${flag}=${text} is no ${kinds} address`,
    ip === undefined ? `expected an ${kinds} address` : `expected one of ${kinds}: ${reason}`,
  )
}
