import fc from 'fast-check'
import t from 'tap'
import { createOwner, parseOwner } from '../../../ipam/host-local/owner.ts'
import {
  decodeReservation,
  encodeReservation,
  linkName,
  parseLinkName,
} from '../../../ipam/host-local/reservation.ts'
import { parseIp } from '../../../lib/ip/ip.ts'

t.test('reads what it writes', async (t) => {
  const times = fc.dictionary(fc.ipV4(), fc.double({ noNaN: true, noDefaultInfinity: true }))
  const sandboxes = fc.record(
    { bootId: fc.uuid(), netns: fc.string(), netnsInode: fc.nat() },
    { noNullPrototype: true },
  )
  fc.assert(
    fc.property(sandboxes, times, (sandbox, addresses) => {
      const reservation = { sandbox, writtenMs: new Map(Object.entries(addresses)) }
      const decoded = decodeReservation(encodeReservation(reservation))
      t.strictSame(decoded?.sandbox, sandbox)
      return [...reservation.writtenMs].every(([ip, time]) => decoded?.writtenMs.get(ip) === time)
    }),
  )
})

t.test('what is no reservation', async (t) => {
  const good = { bootId: 'a', netns: '/n', netnsInode: 1, addresses: {} }
  t.ok(decodeReservation(JSON.stringify(good)))
  const machine = { id: 'a', hostname: 'node1' }
  t.strictSame(decodeReservation(JSON.stringify({ ...good, machine }))?.sandbox.machine, machine)
  const targets = [
    ...['', '{', '[]', 'null', '/run/netns/x', '10.1.2.2'],
    ...Object.keys(good).map((key) => JSON.stringify({ ...good, [key]: undefined })),
    ...Object.keys(good).map((key) => JSON.stringify({ ...good, [key]: true })),
    ...[null, 'a', {}, { id: 'a' }].map((other) => JSON.stringify({ ...good, machine: other })),
  ]
  for (const target of targets) t.equal(decodeReservation(target), undefined, target)
  const odd = { ...good, addresses: { '10.1.2.2': 'x', '10.1.2.3': 1, '../x': 1, lock: 1 } }
  t.strictSame([...(decodeReservation(JSON.stringify(odd))?.writtenMs ?? [])], [['10.1.2.3', 1]])
})

t.test('the name of a link says whose it is', async (t) => {
  for (const owner of [
    createOwner('c1', 'eth0'),
    createOwner('A_b.c-9', 'é@x'),
    createOwner('c', ''),
  ]) {
    t.strictSame(parseLinkName(linkName(owner)), owner)
  }
  const others = ['10.1.2.2', '::1', 'lock', '.new-00ff', 'last_reserved_ip.0', 'c1 eth0']
  for (const name of [
    ...others,
    '. eth0',
    '.c1',
    '.c1 a b',
    '.-c1 eth0',
    '.c1\teth0',
    '.c/1 eth0',
  ]) {
    t.equal(parseLinkName(name), undefined, name)
  }
})

t.test('Go’s host-local sees neither an address nor an owner in a link', async (t) => {
  const owner = createOwner('c1', 'eth0')
  t.equal(parseIp(linkName(owner)), undefined)
  const sandbox = { bootId: '', netns: '', netnsInode: 0 }
  t.equal(parseOwner(encodeReservation({ sandbox, writtenMs: new Map() })), undefined)
})
