/** What the agent wants to be in the kernel, by who wants it. */
import { type Entry, keyOf, valueOf } from './entry.ts'

/** What one owner wants of a key. */
interface Claim {
  readonly owner: string
  readonly entry: Entry
}

/** Two owners want different things of one key. */
export interface Conflict {
  readonly key: string
  readonly holder: string
  readonly loser: string
}

/**
 * Entries by their keys. Where owners want different entries with one key, which happens only when
 * one of them is wrong, the first one keeps it until it goes.
 */
export class Desired {
  readonly #claims = new Map<string, readonly Claim[]>()
  readonly #keys = new Map<string, readonly string[]>()

  /** What is wanted of the key. */
  get(key: string): Entry | undefined {
    return this.#claims.get(key)?.[0]?.entry
  }

  /** Who wants it; undefined when nobody wants anything of the key. */
  ownerOf(key: string): string | undefined {
    return this.#claims.get(key)?.[0]?.owner
  }

  get owners(): Iterable<string> {
    return this.#keys.keys()
  }

  get keys(): Iterable<string> {
    return this.#claims.keys()
  }

  /** How many owners there are. */
  get ownerCount(): number {
    return this.#keys.size
  }

  has(owner: string): boolean {
    return this.#keys.has(owner)
  }

  /** What the owner wants from now on; returns the keys that are wanted otherwise than before. */
  put(owner: string, entries: readonly Entry[]): { changed: string[]; conflicts: Conflict[] } {
    const wanted = new Map(entries.map((entry) => [keyOf(entry), entry]))
    const dropped = (this.#keys.get(owner) ?? []).filter((key) => !wanted.has(key))
    const changed = dropped.filter((key) => this.#change(key, owner, undefined))
    const conflicts: Conflict[] = []
    for (const [key, entry] of wanted) {
      if (this.#change(key, owner, entry)) changed.push(key)
      const holder = this.#claims.get(key)?.[0]
      if (holder === undefined || holder.owner === owner) continue
      if (valueOf(holder.entry) !== valueOf(entry)) {
        conflicts.push({ key, holder: holder.owner, loser: owner })
      }
    }
    this.#keys.set(owner, [...wanted.keys()])
    return { changed, conflicts }
  }

  /** The owner wants nothing any more; returns the keys that are wanted otherwise than before. */
  remove(owner: string): string[] {
    const keys = this.#keys.get(owner) ?? []
    this.#keys.delete(owner)
    return keys.filter((key) => this.#change(key, owner, undefined))
  }

  /** Notes what an owner wants of a key; returns whether that changes what is wanted of it. */
  #change(key: string, owner: string, entry: Entry | undefined): boolean {
    const before = this.get(key)
    const claims = this.#claims.get(key) ?? []
    const others = claims.filter((claim) => claim.owner !== owner)
    const isHolder = claims[0]?.owner === owner
    const own = entry === undefined ? [] : [{ owner, entry }]
    const after = isHolder ? [...own, ...others] : [...others, ...own]
    if (after.length === 0) this.#claims.delete(key)
    else this.#claims.set(key, after)
    const now = after[0]?.entry
    if (before === undefined || now === undefined) return before !== now
    return valueOf(before) !== valueOf(now)
  }
}
