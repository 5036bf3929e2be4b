import { lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { ReservationLinks } from '../../../ipam/host-local/reservation-links.ts'

const owner = createOwner('c1', 'eth0')
const sandbox = { bootId: 'boot 1', netns: '/run/netns/x', netnsInode: 42 }
const first = { sandbox, writtenMs: new Map([['10.1.2.2', 1.25]]) }
const second = { sandbox, writtenMs: new Map([['10.1.2.3', 2.5]]) }

function create(t: Test) {
  const dir = t.testdir()
  return { dir, links: new ReservationLinks(dir, join(dir, 'aside')) }
}

t.test('remembers, replaces and forgets', async (t) => {
  const { dir, links } = create(t)
  t.equal(links.read(owner), undefined)
  links.write(owner, first)
  t.strictSame(links.read(owner), first)
  t.equal(links.read(createOwner('c1', 'eth1')), undefined)
  links.write(owner, second)
  t.strictSame(links.read(owner), second)
  t.strictSame(readdirSync(dir), ['.c1 eth0'])
  links.remove(owner)
  links.remove(owner)
  t.strictSame(readdirSync(dir), [])
})

t.test('replaces what somebody has put in the place of a link', async (t) => {
  const { dir, links } = create(t)
  const path = join(dir, '.c1 eth0')
  writeFileSync(join(dir, 'target'), 'mine')
  for (const plant of [
    () => writeFileSync(path, JSON.stringify(first)),
    () => symlinkSync('target', path),
    () => symlinkSync('.c1 eth0', path),
  ]) {
    links.remove(owner)
    plant()
    t.equal(links.read(owner), undefined)
    links.write(owner, second)
    t.strictSame(links.read(owner), second)
  }
  t.equal(lstatSync(join(dir, 'target')).size, 4, 'no link is followed')
})

t.test('a folder in the place of a link', async (t) => {
  const { dir, links } = create(t)
  mkdirSync(join(dir, '.c1 eth0'))
  t.equal(links.read(owner), undefined)
  t.throws(() => links.write(owner, first), { message: /rename/ })
  t.strictSame(readdirSync(dir), ['.c1 eth0'])
})

t.test('a name, and a target, that is too long', async (t) => {
  const { dir, links } = create(t)
  const long = createOwner('c'.repeat(250), 'eth0')
  t.equal(links.read(long), undefined)
  t.throws(() => links.write(long, first), { code: 'ENAMETOOLONG' })
  const many = Array.from({ length: 250 }, (_, i) => [`10.1.2.${i}`, i] as const)
  const reservation = { sandbox, writtenMs: new Map(many) }
  t.throws(() => links.write(owner, reservation), { code: 'ENAMETOOLONG' })
  t.strictSame(readdirSync(dir), [])
})
