import t, { type Test } from 'tap'
import { DiskStore } from '../../../ipam/host-local/disk-store.ts'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import type { Store } from '../../../ipam/host-local/store.ts'
import { formatIp } from '../../../lib/net/ip.ts'
import { contextOf } from '../../support/request.ts'
import { ip } from './builders.ts'
import { FakeStore } from './fake-store.ts'

const stores: Record<string, (t: Test) => Store> = {
  fake: () => new FakeStore(),
  disk: (t) => new DiskStore(t.testdir(), contextOf()),
}

const a = createOwner('c1', 'eth0')
const b = createOwner('c2', 'eth1')

for (const [name, create] of Object.entries(stores)) {
  t.test(`${name}: is empty at first`, async (t) => {
    const store = create(t)
    t.equal(store.owners().size, 0)
    t.equal(store.lastReserved(0), undefined)
  })

  t.test(`${name}: an address has one owner`, async (t) => {
    const store = create(t)
    t.ok(store.reserve(ip('10.1.2.2'), a, 0))
    t.notOk(store.reserve(ip('10.1.2.2'), b, 0))
    t.notOk(store.reserve(ip('10.1.2.2'), a, 0), 'not even for its owner again')
    t.strictSame([...store.owners()], [['10.1.2.2', a]])
  })

  t.test(`${name}: an owner can have many addresses, of both families`, async (t) => {
    const store = create(t)
    const addresses = ['10.1.2.2', '2001:db8:1::2', '::1']
    for (const address of addresses) t.ok(store.reserve(ip(address), a, 0))
    t.strictSame([...store.owners().keys()].sort(), addresses.sort())
  })

  t.test(`${name}: remembers the last address of each set`, async (t) => {
    const store = create(t)
    store.reserve(ip('10.1.2.2'), a, 0)
    store.reserve(ip('10.1.2.3'), b, 0)
    store.reserve(ip('2001:db8::5'), b, 12)
    store.reserve(ip('10.1.2.2'), b, 0)
    const last = [0, 12, 1].map((index) => store.lastReserved(index))
    t.strictSame(
      last.map((address) => address && formatIp(address)),
      ['10.1.2.3', '2001:db8::5', undefined],
    )
  })

  t.test(`${name}: a released address is free, and still the last one`, async (t) => {
    const store = create(t)
    store.reserve(ip('10.1.2.2'), a, 0)
    store.release('10.1.2.2')
    store.release('10.1.2.2')
    t.equal(store.owners().size, 0)
    t.strictSame(store.lastReserved(0), ip('10.1.2.2'))
    t.ok(store.reserve(ip('10.1.2.2'), b, 0))
  })

  t.test(`${name}: owners are a copy`, async (t) => {
    const store = create(t)
    const before = store.owners()
    store.reserve(ip('10.1.2.2'), a, 0)
    t.equal(before.size, 0)
  })
}
