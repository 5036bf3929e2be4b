/** The states that a call leaves which is killed between any two of its changes to the folder. */
import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { AddressFiles } from '../../../ipam/host-local/address-files.ts'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { repair } from '../../../ipam/host-local/repair.ts'
import { ReservationLinks } from '../../../ipam/host-local/reservation-links.ts'
import { type Reservation, unknownSandbox } from '../../../ipam/host-local/reservation.ts'
import { contextOf } from '../../support/request.ts'

const owner = createOwner('c1', 'eth0')
const sandbox = { bootId: 'boot 1', netns: '/run/netns/x', netnsInode: 42 }
const content = 'c1\r\neth0'

/** A folder with these files. */
function create(t: Test, contents: Record<string, string> = {}) {
  const path = t.testdir(contents)
  const { log, warnings } = contextOf()
  const folder = {
    path,
    files: new AddressFiles(path, log),
    links: new ReservationLinks(path, join(path, '.new-1')),
    log,
  }
  const written = (address: string) => folder.files.writtenMs(address) ?? 0
  const link = (...addresses: string[]): Reservation => {
    const times = addresses.map((address) => [address, written(address)] as const)
    const reservation = { sandbox, writtenMs: new Map(times) }
    folder.links.write(owner, reservation)
    return reservation
  }
  const names = () => readdirSync(path).sort()
  return { folder, written, link, names, warnings }
}

t.test('an ADD that had only written aside', async (t) => {
  for (const text of ['', 'c1\r', content]) {
    const { folder, names } = create(t, { '.new-0011': text, lock: '', 'last_reserved_ip.0': '' })
    repair(folder, unknownSandbox('boot 2'))
    t.strictSame(names(), ['last_reserved_ip.0', 'lock'])
  }
})

t.test('an ADD that had made its link, and no address', async (t) => {
  const { folder, link, names } = create(t, { '.new-0011': content })
  link('10.1.2.2')
  symlinkSync('{}', join(folder.path, '.new-00110'))
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(names(), [])
})

t.test('an ADD that had reserved one of two addresses', async (t) => {
  const { folder, link, names } = create(t, { '.new-0011': content, '10.1.2.2': content })
  const before = link('10.1.2.2', 'fd00::2')
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(names(), ['.c1 eth0', '10.1.2.2'])
  t.strictSame(folder.links.read(owner), before)
})

t.test('an ADD that had reserved everything', async (t) => {
  const { folder, link, names } = create(t, { '.new-0011': '10.1', '10.1.2.2': content })
  const before = link('10.1.2.2')
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(names(), ['.c1 eth0', '10.1.2.2'])
  t.strictSame(folder.links.read(owner), before, 'its sandbox is known')
})

t.test('a DEL that had released its addresses', async (t) => {
  const { folder, link, names } = create(t, { '10.1.2.3': 'c2\r\neth0' })
  link('10.1.2.2', '10.1.2.3')
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(names(), ['.c2 eth0', '10.1.2.3'])
})

t.test('what Go’s host-local has reserved', async (t) => {
  const { folder, written, names } = create(t, {
    '10.1.2.2': content,
    'fd00::2': content,
    '10.1.2.3': 'c2',
  })
  mkdirSync(join(folder.path, '10.1.2.6'))
  symlinkSync('10.1.2.2', join(folder.path, '10.1.2.7'))
  const before = names()
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(names(), ['.c1 eth0', '.c2 ', ...before].sort())
  t.strictSame(folder.links.read(owner), {
    sandbox: unknownSandbox('boot 2'),
    writtenMs: new Map(['10.1.2.2', 'fd00::2'].map((address) => [address, written(address)])),
  })
  const links = names().filter((name) => name.startsWith('.c'))
  const inodes = () => links.map((name) => lstatSync(join(folder.path, name)).ino)
  const first = inodes()
  repair(folder, unknownSandbox('boot 3'))
  t.strictSame(inodes(), first, 'a second time there is nothing to do')
})

t.test('an address that Go’s host-local has reserved anew for the same attachment', async (t) => {
  const { folder, written } = create(t, { '10.1.2.2': content })
  folder.links.write(owner, { sandbox, writtenMs: new Map([['10.1.2.2', 1]]) })
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(folder.links.read(owner), {
    sandbox: unknownSandbox('boot 2'),
    writtenMs: new Map([['10.1.2.2', written('10.1.2.2')]]),
  })
})

t.test('another address that Go’s host-local has reserved for the same attachment', async (t) => {
  const { folder, link } = create(t, { '10.1.2.2': content })
  link('10.1.2.2')
  writeFileSync(join(folder.path, '10.1.2.9'), content)
  repair(folder, unknownSandbox('boot 2'))
  const { sandbox: known, writtenMs } = folder.links.read(owner) ?? {}
  t.strictSame([...(writtenMs?.keys() ?? [])].sort(), ['10.1.2.2', '10.1.2.9'])
  t.strictSame(known, unknownSandbox('boot 2'), 'it may be in another sandbox')
})

t.test('what a power loss has garbled', async (t) => {
  const { folder, names, warnings } = create(t, {
    '10.1.2.2': content,
    '10.1.2.3': '\0\0\0',
    '10.1.2.4': '',
    '.c2 eth0': '',
  })
  symlinkSync('{"bootId":"boo', join(folder.path, '.c1 eth0'))
  repair(folder, unknownSandbox('boot 2'))
  t.strictSame(names(), ['.c1 eth0', '10.1.2.2'])
  t.strictSame(folder.links.read(owner)?.sandbox, unknownSandbox('boot 2'))
  t.match(warnings, [
    /10\.1\.2\.3 is empty or garbled/,
    /10\.1\.2\.4 is empty or garbled/,
    /\.c1 eth0 is garbled; it is made anew/,
  ])
  const lines = warnings.length
  t.equal(lines, 3)
  repair(folder, unknownSandbox('boot 2'))
  t.equal(warnings.length, lines, 'it is said once')
})

t.test('what is in the way', async (t) => {
  const { folder } = create(t)
  mkdirSync(join(folder.path, '.c9 eth0'))
  t.throws(() => repair(folder, unknownSandbox('boot 2')), { message: /unlink/ })
})
