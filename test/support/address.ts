/** Addresses that tests write as text. */
import { type Cidr, type Ip, parseCidr, parseIp } from '../../lib/ip/ip.ts'

/** The prefix of a text that is one. */
export function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (parsed === undefined) throw new Error(`${text} is no prefix`)
  return parsed
}

/** The address of a text that is one. */
export function ip(text: string): Ip {
  const parsed = parseIp(text)
  if (parsed === undefined) throw new Error(`${text} is no address`)
  return parsed
}
