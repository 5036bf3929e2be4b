import {
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DiskStore } from '../../../ipam/host-local/disk-store.ts'
import { withStore } from '../../../ipam/host-local/locked-store.ts'
import { createOwner } from '../../../ipam/host-local/owner.ts'
import { unknownSandbox } from '../../../ipam/host-local/reservation.ts'
import { isSealed, seal } from '../../../ipam/host-local/seal.ts'
import { contextOf } from '../../support/request.ts'
import { ip } from './builders.ts'

const owner = createOwner('c1', 'eth0')
const sandbox = unknownSandbox('boot 1')
const identity = { bootId: 'boot 1', machine: undefined }

function create(t: Test, files: Parameters<Test['testdir']>[0] = {}) {
  const dir = t.testdir(files)
  const context = contextOf({ now: () => Date.now() })
  const use = <T>(work: (store: DiskStore) => T) => withStore(dir, identity, context, work)
  return { dir, use, context }
}

t.test('seals the folder when nobody is in it any more', async (t) => {
  const { dir, use } = create(t)
  use((store) => {
    t.notOk(isSealed(dir))
    store.reserve(owner, sandbox, [ip('10.1.2.2')])
  })
  t.strictSame(readdirSync(dir), ['.c1 eth0', '10.1.2.2', 'last_reserved_ip.0', 'lock'])
  t.ok(isSealed(dir))
})

t.test('on a file system of this machine no directory is a lock', async (t) => {
  const { dir, use, context } = create(t, { 'lock.lock': {} })
  const { ctimeMs } = statSync(join(dir, 'lock.lock'))
  use((store) => t.notOk(store.isShared))
  t.strictSame([context.sleeps, context.warnings], [[], []], 'nobody waits for what is there')
  t.equal(statSync(join(dir, 'lock.lock')).ctimeMs, ctimeMs)
})

t.test('seals it also when the work has failed', async (t) => {
  const { dir, use } = create(t)
  const fail = () => {
    throw new Error('no address')
  }
  t.throws(() => use(fail), { message: 'no address' })
  t.ok(isSealed(dir))
})

t.test('reads nothing but what it needs while the seal holds', async (t) => {
  const { dir, use } = create(t)
  use((store) => store.reserve(owner, sandbox, [ip('10.1.2.2')]))
  const { mtime } = statSync(dir)
  writeFileSync(join(dir, '10.1.2.3'), 'c1\r\neth0')
  utimesSync(dir, mtime, mtime) // as if nothing had happened
  t.strictSame(
    use((store) => store.holdings(owner)),
    [{ owner, addresses: ['10.1.2.2'] }],
  )
  writeFileSync(join(dir, '10.1.2.4'), 'c1\r\neth0')
  t.strictSame(
    use((store) => store.holdings(owner)),
    [{ owner, addresses: ['10.1.2.2', '10.1.2.3', '10.1.2.4'] }],
  )
  t.ok(isSealed(dir))
})

t.test('does without links that cannot be put in order, and seals nothing then', async (t) => {
  const { dir, use } = create(t, { '10.1.2.2': 'c1\r\neth0', '10.1.2.3': 'c1' })
  mkdirSync(join(dir, '.c9 eth0'))
  for (let round = 0; round < 2; round++) {
    use((store) => {
      t.strictSame(store.holdings(owner), [
        { owner, addresses: ['10.1.2.2'] },
        { owner: createOwner('c1', ''), addresses: ['10.1.2.3'] },
      ])
    })
    t.notOk(isSealed(dir))
  }
  use((store) => store.release({ owner, addresses: ['10.1.2.2'] }))
  use((store) => t.ok(store.reserve(createOwner('c2', 'eth0'), sandbox, [ip('10.1.2.2')])))
})

t.test('an attachment whose name is too long for a link', async (t) => {
  const { dir, use } = create(t)
  const long = createOwner('c'.repeat(250), 'eth0')
  use((store) => t.ok(store.reserve(long, sandbox, [ip('10.1.2.2')])))
  t.notOk(isSealed(dir))
  use((store) => store.reserve(owner, sandbox, [ip('10.1.2.3')]))
  use((store) => {
    t.strictSame(store.holdings(long), [{ owner: long, addresses: ['10.1.2.2'] }])
    t.strictSame(store.located(), [{ owner, addresses: ['10.1.2.3'], sandbox }])
    store.release({ owner: long, addresses: ['10.1.2.2'] })
  })
  use((store) => t.equal(store.owners().size, 1))
  t.ok(isSealed(dir))
})

t.test('a link that names what it must not', async (t) => {
  const { dir, use } = create(t, { '10.1.2.2': 'c2\r\neth0', target: 'c1\r\neth0' })
  symlinkSync('target', join(dir, '10.1.2.3'))
  use(() => undefined)
  const { mtime } = statSync(dir)
  const addresses = Object.fromEntries(
    ['10.1.2.2', '10.1.2.3', '../x', 'target', 'lock'].map((name) => [name, 1]),
  )
  symlinkSync(JSON.stringify({ ...sandbox, addresses }), join(dir, '.c1 eth0'))
  utimesSync(dir, mtime, mtime)
  use((store) => t.strictSame(store.holdings(owner), [], 'only addresses that name the owner'))
})

/** Changes what nobody dates the folder anew for, as a torn disk does. */
function garble(dir: string, change: () => void): void {
  change()
  seal(dir)
}

const torn: [what: string, garble: (dir: string) => void, lines: RegExp[]][] = [
  [
    'a link',
    (dir) => {
      unlinkSync(join(dir, '.c1 eth0'))
      symlinkSync('{"boot', join(dir, '.c1 eth0'))
    },
    [/\.c1 eth0 is garbled/],
  ],
  [
    'the addresses, which are one file',
    (dir) => truncateSync(join(dir, '10.1.2.2')),
    [/10\.1\.2\.2 is empty or garbled/, /fd00::2 is empty or garbled/],
  ],
  ['an address that is lost', (dir) => unlinkSync(join(dir, '10.1.2.2')), []],
]

t.test('an attachment of which something is torn in a sealed folder', async (t) => {
  for (const [what, change, lines] of torn) {
    const { dir, use, context } = create(t)
    use((store) => store.reserve(owner, sandbox, [ip('10.1.2.2'), ip('fd00::2')]))
    garble(dir, () => change(dir))
    use((store) => {
      for (const holding of store.holdings(owner)) store.release(holding)
    })
    t.strictSame(
      readdirSync(dir).sort(),
      ['last_reserved_ip.0', 'last_reserved_ip.1', 'lock'],
      what,
    )
    t.match(context.warnings, lines, what)
    t.equal(context.warnings.length, lines.length, context.warnings.join('\n'))
    t.ok(isSealed(dir))
  }
})
