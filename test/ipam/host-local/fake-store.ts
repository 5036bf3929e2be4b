import { createOwner, isOwnedBy, isSameOwner, type Owner } from '../../../ipam/host-local/owner.ts'
import type { Sandbox } from '../../../ipam/host-local/reservation.ts'
import type { Holding, Located, Store } from '../../../ipam/host-local/store.ts'
import { formatIp, type Ip, parseIp } from '../../../lib/ip/ip.ts'

interface Entry {
  readonly owner: Owner
  /** Missing for what Go's host-local has reserved. */
  readonly sandbox?: Sandbox
}

/** A store in memory, with what it begins with: addresses by their owners, and last addresses. */
export class FakeStore implements Store {
  readonly location = '/fake'
  readonly isShared = false
  readonly #entries: Map<string, Entry>
  readonly #last: Map<number, string>

  /** `owners` maps an address to a container ID, whose interface is eth0. */
  constructor(owners: Record<string, string> = {}, last: Record<number, string> = {}) {
    const entries = Object.entries(owners)
    this.#entries = new Map(entries.map(([ip, id]) => [ip, { owner: createOwner(id, 'eth0') }]))
    this.#last = new Map(Object.entries(last).map(([index, ip]) => [Number(index), ip]))
  }

  owners(): Map<string, Owner> {
    return new Map([...this.#entries].map(([address, { owner }]) => [address, owner]))
  }

  holder(address: string): Owner | undefined {
    return this.#entries.get(address)?.owner
  }

  holdings(attachment: Owner): Holding[] {
    const held = [...this.#entries].filter(([, { owner }]) => isOwnedBy(owner, attachment))
    const groups = Map.groupBy(held, ([, { owner }]) => owner.ifName)
    return [attachment.ifName, ''].flatMap((ifName) => {
      const addresses = groups.get(ifName)?.map(([address]) => address)
      return addresses === undefined ? [] : [{ owner: { ...attachment, ifName }, addresses }]
    })
  }

  located(): Located[] {
    return [...this.#entries].flatMap(([address, { owner, sandbox }]) =>
      sandbox === undefined ? [] : [{ owner, sandbox, addresses: [address] }],
    )
  }

  lastReserved(setIndex: number): Ip | undefined {
    const text = this.#last.get(setIndex)
    return text === undefined ? undefined : parseIp(text)
  }

  reserve(owner: Owner, sandbox: Sandbox, ips: readonly Ip[]): boolean {
    const addresses = ips.map(formatIp)
    if (addresses.some((address) => this.#entries.has(address))) return false
    for (const [setIndex, address] of addresses.entries()) {
      this.#entries.set(address, { owner, sandbox })
      this.#last.set(setIndex, address)
    }
    return true
  }

  release({ owner, addresses }: Holding): void {
    for (const address of addresses) {
      if (isSameOwner(this.holder(address), owner)) this.#entries.delete(address)
    }
  }
}
