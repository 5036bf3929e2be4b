import t, { type Test } from 'tap'
import { DiskStore } from '../../../ipam/host-local/disk-store.ts'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { unknownSandbox } from '../../../ipam/host-local/reservation.ts'
import type { Store } from '../../../ipam/host-local/store.ts'
import { formatIp } from '../../../lib/ip/ip.ts'
import { contextOf } from '../../support/request.ts'
import { ip } from './builders.ts'
import { FakeStore } from './fake-store.ts'

const identity = { bootId: 'boot 1', machine: undefined }

/** Every store, and the one on disk in both of its states. */
const stores: Record<string, (t: Test) => Store> = {
  fake: () => new FakeStore(),
  'disk, reading everything': (t) => new DiskStore(t.testdir(), identity, contextOf()),
  'disk, by its links': (t) => {
    const store = new DiskStore(t.testdir(), identity, contextOf())
    store.open()
    return store
  },
}

const a = createOwner('c1', 'eth0')
const b = createOwner('c2', 'eth1')
const sandbox = { bootId: 'boot 1', netns: '/run/netns/x', netnsInode: 42 }

for (const [name, create] of Object.entries(stores)) {
  t.test(`${name}: is empty at first`, async (t) => {
    const store = create(t)
    t.equal(store.owners().size, 0)
    t.strictSame(store.holdings(a), [])
    t.strictSame(store.located(), [])
    t.equal(store.lastReserved(0), undefined)
  })

  t.test(`${name}: an address has one owner`, async (t) => {
    const store = create(t)
    t.ok(store.reserve(a, sandbox, [ip('10.1.2.2')]))
    t.notOk(store.reserve(b, sandbox, [ip('10.1.2.2')]))
    t.notOk(store.reserve(a, sandbox, [ip('10.1.2.2')]), 'not even for its owner again')
    t.strictSame([...store.owners()], [['10.1.2.2', a]])
    t.strictSame(store.holder('10.1.2.2'), a)
    t.equal(store.holder('10.1.2.3'), undefined)
    t.strictSame(store.holdings(b), [])
  })

  t.test(`${name}: an owner can have many addresses, of both families`, async (t) => {
    const store = create(t)
    const addresses = ['10.1.2.2', '2001:db8:1::2', '::1']
    t.ok(store.reserve(a, sandbox, addresses.slice(0, 2).map(ip)))
    t.ok(store.reserve(a, sandbox, addresses.slice(2).map(ip)))
    t.strictSame([...store.owners().keys()].sort(), addresses.sort())
    t.strictSame(
      store
        .holdings(a)
        .map(({ owner, addresses }) => ({ owner, addresses: [...addresses].sort() })),
      [{ owner: a, addresses }],
    )
  })

  t.test(`${name}: all of the addresses or none`, async (t) => {
    const store = create(t)
    store.reserve(a, sandbox, [ip('2001:db8::5')])
    t.notOk(store.reserve(b, sandbox, [ip('10.1.2.2'), ip('2001:db8::5')]))
    t.strictSame([...store.owners()], [['2001:db8::5', a]])
    t.strictSame(store.holdings(b), [])
    t.strictSame(store.located(), [{ owner: a, addresses: ['2001:db8::5'], sandbox }])
  })

  t.test(`${name}: remembers the last address of each set`, async (t) => {
    const store = create(t)
    store.reserve(a, sandbox, [ip('10.1.2.2')])
    store.reserve(b, sandbox, [ip('10.1.2.3'), ip('2001:db8::5')])
    store.reserve(b, sandbox, [ip('10.1.2.2')])
    const last = [0, 1, 2].map((index) => store.lastReserved(index))
    t.strictSame(
      last.map((address) => address && formatIp(address)),
      ['10.1.2.3', '2001:db8::5', undefined],
    )
  })

  t.test(`${name}: a released address is free, and still the last one`, async (t) => {
    const store = create(t)
    store.reserve(a, sandbox, [ip('10.1.2.2')])
    store.release({ owner: a, addresses: ['10.1.2.2'] })
    store.release({ owner: a, addresses: ['10.1.2.2'] })
    t.equal(store.owners().size, 0)
    t.strictSame(store.located(), [])
    t.strictSame(store.lastReserved(0), ip('10.1.2.2'))
    t.ok(store.reserve(b, sandbox, [ip('10.1.2.2')]))
  })

  t.test(`${name}: says for which sandbox an address was reserved`, async (t) => {
    const store = create(t)
    store.reserve(a, sandbox, [ip('10.1.2.2')])
    store.reserve(b, unknownSandbox('boot 2'), [ip('10.1.2.3')])
    t.strictSame(
      [...store.located()].sort((x, y) => (x.owner.containerId < y.owner.containerId ? -1 : 1)),
      [
        { owner: a, addresses: ['10.1.2.2'], sandbox },
        { owner: b, addresses: ['10.1.2.3'], sandbox: unknownSandbox('boot 2') },
      ],
    )
  })

  t.test(`${name}: owners are a copy`, async (t) => {
    const store = create(t)
    const before = store.owners()
    store.reserve(a, sandbox, [ip('10.1.2.2')])
    t.equal(before.size, 0)
  })
}
