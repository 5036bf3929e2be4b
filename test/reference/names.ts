/**
 * Names in place of what is random in a run: host ends of veth pairs, MACs, and the link-local
 * addresses that the kernel makes of MACs. The same thing has the same name all through a run.
 */
import type { Link } from '../support/ip.ts'

const vethPattern = /\bveth[0-9a-f]{8}\b/g
const macPattern = /\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b/g
const linkLocalPattern = /\bfe80::[0-9a-f:]+/g

export class Names {
  readonly #places: readonly (readonly [text: string, name: string])[]
  readonly #isGiven: (mac: string) => boolean
  readonly #veths = new Map<string, string>()
  /** The namespace that each is in. */
  readonly #owners = new Map<string, string>()
  #count = 0
  readonly #macs = new Map<string, string>()

  /**
   * Names for texts with these `places`, longest first, in them. MACs that stand in `given`, the
   * input of the run, are not random and stay.
   */
  constructor(places: readonly (readonly [text: string, name: string])[], given: string) {
    this.#places = places.toSorted(([a], [b]) => b.length - a.length)
    this.#isGiven = (mac) =>
      /^(?:00:){5}00$|^(?:ff:){5}ff$|^01:80:c2:/.test(mac) || given.includes(mac)
  }

  /**
   * Names what the interfaces of a namespace have, in their order. A host end that is gone loses its
   * name: one that comes later is another, whatever it is called.
   */
  learn(namespace: string, links: readonly Pick<Link, 'ifname' | 'address'>[]): void {
    const ends = links.map(({ ifname }) => ifname).filter((name) => isVethName(name))
    for (const [ifname, owner] of this.#owners) {
      if (owner === namespace && !ends.includes(ifname)) this.#forget(ifname)
    }
    for (const ifname of ends) {
      if (this.#veths.has(ifname)) continue
      this.#veths.set(ifname, `veth${++this.#count}`)
      this.#owners.set(ifname, namespace)
    }
    for (const { ifname, address } of links) {
      if (address === undefined || this.#isGiven(address) || this.#macs.has(address)) continue
      this.#macs.set(address, this.#unused(`mac:${namespace}/${this.apply(ifname)}`))
    }
  }

  #forget(ifname: string): void {
    this.#veths.delete(ifname)
    this.#owners.delete(ifname)
  }

  /** The text with names in it. */
  apply(text: string): string {
    const placed = this.#places.reduce((part, [found, name]) => part.replaceAll(found, name), text)
    return placed
      .replaceAll(vethPattern, (name) => this.#veths.get(name) ?? 'veth?')
      .replaceAll(macPattern, (mac) => this.#macName(mac))
      .replaceAll(linkLocalPattern, (address) => this.#linkLocalName(address))
  }

  #unused(name: string): string {
    const taken = [...this.#macs.values()]
    for (let index = 2, free = name; ; free = `${name}#${index++}`) {
      if (!taken.includes(free)) return free
    }
  }

  #macName(mac: string): string {
    return this.#isGiven(mac) ? mac : (this.#macs.get(mac) ?? 'mac?')
  }

  #linkLocalName(address: string): string {
    const mac = macOfLinkLocal(address)
    return mac === undefined ? address : `fe80::${this.#macName(mac)}`
  }
}

function isVethName(name: string): boolean {
  return name.replace(vethPattern, '') === ''
}

/** The MAC in a link-local address (RFC 4291, appendix A); undefined when it has none. */
export function macOfLinkLocal(address: string): string | undefined {
  const groups = address.slice('fe80::'.length).split(':')
  if (groups.length > 4) return undefined
  const hex = groups
    .map((group) => group.padStart(4, '0'))
    .join('')
    .padStart(16, '0')
  if (hex.slice(6, 10) !== 'fffe') return undefined
  const bytes = Buffer.from(hex.slice(0, 6) + hex.slice(10), 'hex')
  bytes[0] = (bytes[0] ?? 0) ^ 2
  return bytes.toString('hex').match(/../g)?.join(':')
}
