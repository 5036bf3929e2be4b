import fc from 'fast-check'
import t from 'tap'
import { Desired } from '../../../flanneld/state/desired.ts'
import { type Entry, keyOf, valueOf } from '../../../flanneld/state/entry.ts'
import { ip } from '../../support/address.ts'

const fdb = (mac: number, host: number): Entry => {
  return { kind: 'fdb', mac: `0e:00:00:00:00:0${mac}`, dst: ip(`192.0.2.${host}`), link: 'x' }
}
const key = keyOf(fdb(1, 1))

t.test('of two owners the first one keeps a key until it goes', async (t) => {
  const desired = new Desired()
  t.strictSame(desired.put('a', [fdb(1, 1)]), { changed: [key], conflicts: [] })
  t.strictSame(desired.put('b', [fdb(1, 2)]), {
    changed: [],
    conflicts: [{ key, holder: 'a', loser: 'b' }],
  })
  t.strictSame(desired.put('c', [fdb(1, 1)]), { changed: [], conflicts: [] }, 'the same is none')
  t.equal(desired.ownerOf(key), 'a')
  t.equal(desired.ownerCount, 3)
  t.strictSame(desired.put('a', [fdb(1, 3)]).changed, [key], 'the holder may change it')
  t.strictSame(desired.remove('a'), [key])
  t.strictSame([desired.ownerOf(key), desired.get(key)], ['b', fdb(1, 2)])
  t.strictSame(desired.put('b', []), { changed: [key], conflicts: [] })
  t.equal(desired.ownerOf(key), 'c')
  t.strictSame(desired.remove('c'), [key])
  t.strictSame([...desired.keys], [])
  t.strictSame([...desired.owners], ['b'], 'it wants nothing, but is there')
  t.equal(desired.has('b') && !desired.has('c'), true)
  t.strictSame(desired.remove('nobody'), [])
})

/** The owners of a key, in the order in which they came to want it, and what they want. */
type Model = Map<string, Map<string, Entry>>

function modelPut(model: Model, owner: string, entries: readonly Entry[]): void {
  const wanted = new Map(entries.map((entry) => [keyOf(entry), entry]))
  for (const [of, claims] of model) {
    const entry = wanted.get(of)
    const isHolder = claims.keys().next().value === owner
    if (entry === undefined || !isHolder) claims.delete(owner) // whoever does not hold it queues up
    if (claims.size === 0) model.delete(of)
  }
  for (const [of, entry] of wanted) {
    const claims = model.get(of) ?? new Map<string, Entry>()
    model.set(of, claims.set(owner, entry))
  }
}

t.test('whatever owners want, it is what a list of claims says', async (t) => {
  const entry = fc.tuple(fc.nat(4), fc.nat(3)).map(([mac, host]) => fdb(mac, host))
  const owner = fc.constantFrom('a', 'b', 'c', 'd')
  const action = fc.tuple(owner, fc.option(fc.array(entry, { maxLength: 4 })))
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const desired = new Desired()
      const model: Model = new Map()
      for (const [by, entries] of actions) {
        const before = new Map([...model].map(([of, claims]) => [of, first(claims)]))
        const changed = entries === null ? desired.remove(by) : desired.put(by, entries).changed
        modelPut(model, by, entries ?? [])
        const after = new Map([...model].map(([of, claims]) => [of, first(claims)]))
        const differing = [...new Set([...before.keys(), ...after.keys()])].filter(
          (of) => before.get(of)?.[1] !== after.get(of)?.[1],
        )
        t.strictSame(changed.toSorted(), differing.toSorted())
        const found = [...desired.keys].map((of) => {
          const present = desired.get(of)
          return [of, [desired.ownerOf(of), present && valueOf(present)]]
        })
        t.strictSame(new Map(found as []), after)
      }
    }),
    { numRuns: 60 },
  )
})

function first(claims: ReadonlyMap<string, Entry>): [owner: string, value: string] {
  const [[owner, entry] = ['', fdb(0, 0)]] = claims
  return [owner, valueOf(entry)]
}
