import fc from 'fast-check'
import t from 'tap'
import { allocate, type Demand } from '../../../ipam/host-local/allocator.ts'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { unknownSandbox } from '../../../ipam/host-local/reservation.ts'
import { formatCidr, formatIp } from '../../../lib/ip/ip.ts'
import { thrown } from '../../support/thrown.ts'
import { ip, setOf } from './builders.ts'
import { FakeStore } from './fake-store.ts'

const sandbox = unknownSandbox('this boot')

function demand(parts: Partial<Demand>): Demand {
  return { owner: createOwner('new', 'eth0'), sandbox, rangeSets: [], requested: [], ...parts }
}

const nothingToReclaim = () => false

/** The addresses that the demand gets. */
function get(store: FakeStore, parts: Partial<Demand>): string[] {
  return allocate(store, demand(parts), nothingToReclaim).map(({ address }) => formatIp(address.ip))
}

const rolling = ['10.0.0.0/30', '10.0.1.0/30', '10.0.2.0/30']

const vectors: [name: string, subnets: string[], taken: string[], last: string, want: string][] = [
  ['fresh', ['10.0.0.0/29'], [], '', '10.0.0.2'],
  ['fresh, small', ['10.0.0.0/30'], [], '', '10.0.0.2'],
  ['behind the last', ['10.0.0.0/29'], [], '10.0.0.5', '10.0.0.6'],
  ['rolls over', ['10.0.0.0/29'], ['10.0.0.6'], '10.0.0.5', '10.0.0.2'],
  ['last is out of range', ['10.0.0.0/29'], [], '10.0.0.128', '10.0.0.2'],
  ['only the last is free', ['10.0.0.0/29'], ['2', '3', '4', '6'], '10.0.0.5', '10.0.0.5'],
  ['passes what is taken', ['10.0.0.0/29'], ['2', '3', '5'], '10.0.0.1', '10.0.0.4'],
  ['next range', rolling, ['10.0.0.2'], '', '10.0.1.2'],
  ['next range behind the last', rolling, [], '10.0.0.2', '10.0.1.2'],
  ['first range behind the last of all', rolling, [], '10.0.2.2', '10.0.0.2'],
]

t.test('the next address', async (t) => {
  for (const [name, subnets, taken, last, want] of vectors) {
    const addresses = taken.map((text) => (text.includes('.') ? text : `10.0.0.${text}`))
    const owners = Object.fromEntries(addresses.map((address) => [address, 'old']))
    const store = new FakeStore(owners, last === '' ? {} : { 0: last })
    t.strictSame(get(store, { rangeSets: [setOf(...subnets)] }), [want], name)
  }
})

t.test('a released address is the last to be used again', async (t) => {
  const store = new FakeStore()
  const rangeSets = [setOf('10.0.0.0/29')]
  const got: string[] = []
  for (let round = 0; round < 6; round++) {
    const [address = ''] = get(store, { rangeSets })
    store.release({ owner: createOwner('new', 'eth0'), addresses: [address] })
    got.push(address)
  }
  t.strictSame(got, ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5', '10.0.0.6', '10.0.0.2'])
})

t.test('one address of each set, with the prefix and gateway of its range', async (t) => {
  const rangeSets = [
    setOf('10.1.2.0/24'),
    setOf({ subnet: '2001:db8:1::/64', gateway: '2001:db8:1::ff' }),
  ]
  const ips = allocate(new FakeStore(), demand({ rangeSets }), nothingToReclaim)
  t.strictSame(
    ips.map(({ address, gateway }) => [formatCidr(address), gateway && formatIp(gateway)]),
    [
      ['10.1.2.2/24', '10.1.2.1'],
      ['2001:db8:1::1/64', '2001:db8:1::ff'],
    ],
  )
})

t.test('requested addresses', async (t) => {
  const rangeSets = [setOf('10.0.0.0/24'), setOf('10.0.1.0/24')]
  const request = (...texts: string[]) =>
    get(new FakeStore(), { rangeSets, requested: texts.map(ip) })
  t.strictSame(request('10.0.0.9'), ['10.0.0.9', '10.0.1.2'])
  t.strictSame(request('10.0.1.9', '10.0.0.7'), ['10.0.0.7', '10.0.1.9'])
  t.strictSame(request('10.0.1.9', '10.0.1.9'), ['10.0.0.2', '10.0.1.9'], 'asked for twice')
  t.throws(() => request('10.0.0.9', '10.0.0.8', '10.2.0.1'), {
    code: 7,
    message: 'failed to allocate all requested IPs: 10.0.0.8 10.2.0.1',
    details: /the sets are 10\.0\.0\.1-10\.0\.0\.254 and 10\.0\.1\.1-10\.0\.1\.254/,
  })
})

t.test('a requested address is remembered as the last one', async (t) => {
  const store = new FakeStore()
  const rangeSets = [setOf('10.0.0.0/29')]
  get(store, { rangeSets, requested: [ip('10.0.0.4')] })
  t.strictSame(get(store, { rangeSets, owner: createOwner('other', 'eth0') }), ['10.0.0.5'])
})

const small = { subnet: '192.168.1.0/29', rangeStart: '192.168.1.2', rangeEnd: '192.168.1.3' }
const failures: [
  name: string,
  taken: Record<string, string>,
  requested: string[],
  want: Record<string, unknown>,
][] = [
  [
    'an address outside the range is requested',
    {},
    ['192.168.1.1'],
    { code: 7, message: 'failed to allocate all requested IPs: 192.168.1.1' },
  ],
  [
    'a held address is requested',
    { '192.168.1.2': 'old' },
    ['192.168.1.2'],
    {
      code: 11,
      message:
        'failed to allocate for range 0: requested IP address 192.168.1.2 is not available in ' +
        'range set 192.168.1.2-192.168.1.3',
      details: /^container old, interface eth0 holds it, by \/fake\/192\.168\.1\.2;/,
    },
  ],
  [
    'all is taken',
    { '192.168.1.2': 'old', '192.168.1.3': 'older', '192.168.1.4': 'out of range' },
    [],
    {
      code: 11,
      message:
        'failed to allocate for range 0: no IP addresses available in range set: ' +
        '192.168.1.2-192.168.1.3',
      details: /^2 of 2 addresses of 192\.168\.1\.2-192\.168\.1\.3 are reserved in \/fake,/,
    },
  ],
  [
    'the attachment has one already',
    { '192.168.1.2': 'new' },
    [],
    {
      code: 999,
      message:
        'failed to allocate for range 0: 192.168.1.2 has been allocated to new, ' +
        'duplicate allocation is not allowed',
      details: /^\/fake\/192\.168\.1\.2 was written by an ADD/,
    },
  ],
]

t.test('what cannot be had', async (t) => {
  for (const [name, taken, requested, want] of failures) {
    const parts = { rangeSets: [setOf(small)], requested: requested.map(ip) }
    t.match(
      thrown(() => get(new FakeStore(taken), parts)),
      want,
      name,
    )
  }
  const parts = { rangeSets: [setOf('10.1.2.0/24')], requested: [ip('10.1.2.1')] }
  t.throws(() => get(new FakeStore(), parts), {
    code: 7,
    message: "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway",
  })
})

t.test('an address outside the set, or of another interface, is no duplicate', async (t) => {
  const owner = createOwner('new', 'eth1')
  const store = new FakeStore({ '10.9.9.9': 'new', '10.0.0.2': 'new' })
  t.strictSame(get(store, { rangeSets: [setOf('10.0.0.0/29')], owner }), ['10.0.0.3'])
  const elsewhere = new FakeStore({ '10.9.9.9': 'new' })
  t.strictSame(get(elsewhere, { rangeSets: [setOf('10.0.0.0/29')] }), ['10.0.0.2'])
})

t.test('a failure in a later set reserves nothing, and releases nothing older', async (t) => {
  const store = new FakeStore({ '10.0.1.2': 'other', '10.7.7.7': 'new' })
  const rangeSets = [setOf('10.0.0.0/30'), setOf('10.0.1.0/30')]
  t.throws(() => allocate(store, demand({ rangeSets }), nothingToReclaim), {
    message: /^failed to allocate for range 1: no IP addresses available/,
  })
  t.strictSame([...store.owners().keys()], ['10.0.1.2', '10.7.7.7'])
})

t.test('where nothing is left, what can be taken back is', async (t) => {
  const store = new FakeStore({ '10.0.0.2': 'gone' })
  let asked = 0
  const reclaim = () => {
    asked++
    store.release({ owner: createOwner('gone', 'eth0'), addresses: ['10.0.0.2'] })
    return true
  }
  const add = (containerId: string, requested: string[], subnet = '10.0.0.0/30') => {
    const owner = createOwner(containerId, 'eth0')
    const parts = { owner, rangeSets: [setOf(subnet)], requested: requested.map(ip) }
    const [first] = allocate(store, demand(parts), reclaim)
    return first && formatIp(first.address.ip)
  }
  t.equal(add('a', [], '10.5.0.0/30'), '10.5.0.2')
  t.equal(asked, 0, 'not while there is one')
  t.equal(add('b', []), '10.0.0.2')
  t.equal(asked, 1)
  t.throws(() => add('c', []), { code: 11 })
  store.release({ owner: createOwner('b', 'eth0'), addresses: ['10.0.0.2'] })
  add('gone', ['10.0.0.2'])
  t.equal(add('d', ['10.0.0.2']), '10.0.0.2', 'a requested one too')
  t.throws(() => add('e', ['10.0.0.2']), { code: 11, details: /^container d, / })
})

/** A step of the model: an ADD of a container, or its DEL. */
const step = fc.record({ add: fc.boolean(), id: fc.integer({ min: 0, max: 11 }) })

t.test('behaves like a list that is rotated', async () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      const store = new FakeStore()
      const rangeSets = [setOf('10.0.0.0/30', '10.0.1.0/29')]
      // The model: addresses in the order of their next use, and who has which.
      let queue = ['10.0.0.2', '10.0.1.2', '10.0.1.3', '10.0.1.4', '10.0.1.5', '10.0.1.6']
      const held = new Map<number, string>()
      for (const { add, id } of steps) {
        const address = held.get(id)
        if (!add) {
          const owner = createOwner(`c${id}`, 'eth0')
          if (address !== undefined) store.release({ owner, addresses: [address] })
          held.delete(id)
          continue
        }
        const free = queue.findIndex((candidate) => ![...held.values()].includes(candidate))
        const parts = { rangeSets, owner: createOwner(`c${id}`, 'eth0') }
        if (address !== undefined || free < 0) {
          t.throws(() => get(store, parts))
          continue
        }
        const want = queue[free] ?? ''
        if (get(store, parts)[0] !== want) return false
        held.set(id, want)
        queue = [...queue.slice(free + 1), ...queue.slice(0, free + 1)]
      }
      return store.owners().size === held.size
    }),
  )
})
