/** Addresses that tests write as text. */
import { parseCidr, parseIp, type Cidr, type Ip } from '../../lib/net/ip.ts'

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
