import { formatIp, parseIp, type Ip } from '../../../lib/net/ip.ts'
import { createOwner, type Owner } from '../../../ipam/host-local/owner.ts'
import type { Store } from '../../../ipam/host-local/store.ts'

/** A store in memory, with what it begins with: addresses by their owners, and last addresses. */
export class FakeStore implements Store {
  readonly location = '/fake'
  readonly #owners: Map<string, Owner>
  readonly #last: Map<number, string>

  /** `owners` maps an address to a container ID, whose interface is eth0. */
  constructor(owners: Record<string, string> = {}, last: Record<number, string> = {}) {
    const entries = Object.entries(owners)
    this.#owners = new Map(entries.map(([ip, id]) => [ip, createOwner(id, 'eth0')]))
    this.#last = new Map(Object.entries(last).map(([index, ip]) => [Number(index), ip]))
  }

  owners(): Map<string, Owner> {
    return new Map(this.#owners)
  }

  lastReserved(setIndex: number): Ip | undefined {
    const text = this.#last.get(setIndex)
    return text === undefined ? undefined : parseIp(text)
  }

  reserve(ip: Ip, owner: Owner, setIndex: number): boolean {
    const address = formatIp(ip)
    if (this.#owners.has(address)) return false
    this.#owners.set(address, owner)
    this.#last.set(setIndex, address)
    return true
  }

  release(address: string): void {
    this.#owners.delete(address)
  }
}
