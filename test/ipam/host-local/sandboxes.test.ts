import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Identity, Machine } from '../../../ipam/host-local/machine.ts'
import { describeSandbox, Sandboxes } from '../../../ipam/host-local/sandboxes.ts'
import { cookieOf } from '../../../lib/linux/netns-id.ts'
import { addNamespace, kernelSkip } from '../../../scripts/lab/node.ts'
import { inside, runSync } from '../../../scripts/lab/run.ts'
import { contextOf } from '../../support/request.ts'

const { log } = contextOf()
const machine = { id: 'a', hostname: 'node1' }
const identity = { bootId: 'boot 2', machine }
const sandboxes = (identity_: Identity = identity) =>
  new Sandboxes(identity_, { isShared: false }, log)
const shared = (identity_: Identity = identity) => new Sandboxes(identity_, { isShared: true }, log)
const describe = (netns: string) => describeSandbox(netns, 'boot 2', log)
const gone = { bootId: 'boot 2', netns: '', netnsInode: 0 }

t.test('of another boot', async (t) => {
  t.ok(sandboxes().isGone({ ...gone, bootId: 'boot 1' }))
  t.notOk(sandboxes().isGone(gone))
  t.notOk(sandboxes().isGone({ ...gone, bootId: '' }), 'it is not known of which')
  const unknown = { ...identity, bootId: '' }
  t.notOk(sandboxes(unknown).isGone({ ...gone, bootId: 'boot 1' }), 'nor which this is')
})

t.test('describes what is there, and nothing else', async (t) => {
  const dir = t.testdir({ netns: '', fifo: '' })
  const netns = join(dir, 'netns')
  const want = { bootId: 'boot 2', netns, netnsInode: statSync(netns).ino }
  t.strictSame(describe(netns), want)
  const others = ['', 'netns', join(dir, 'missing'), join(netns, 'x'), `/${'x'.repeat(600)}`]
  for (const path of others) t.strictSame(describe(path), gone, path)
})

t.test('a path that has vanished, and one that only cannot be seen', async (t) => {
  const dir = t.testdir({ folder: {}, file: '' })
  const isGone = (netns: string) => sandboxes().isGone({ ...gone, netns, netnsInode: 1 })
  t.ok(isGone(join(dir, 'folder/x')))
  t.notOk(isGone(join(dir, 'missing/x')), 'without its folder')
  t.notOk(isGone(join(dir, 'file/x')), 'in what is no folder')
  t.notOk(isGone(join(dir, 'file')), 'something is there')
  t.notOk(isGone('/proc/4294967295/ns/net'), 'a process that has ended')
  symlinkSync('/proc/4294967295/ns/net', join(dir, 'link'))
  t.notOk(isGone(join(dir, 'link')), 'a link to one of a process that has ended')
  symlinkSync('loop', join(dir, 'loop'))
  t.notOk(isGone(join(dir, 'loop/x')))
})

t.test('a process is in a namespace with its number', { skip: kernelSkip() }, async (t) => {
  const netns = join(t.testdir({ folder: {} }), 'folder/x')
  const own = '/proc/self/ns/net'
  const sandbox = { ...gone, netns, netnsInode: statSync(own).ino }
  t.notOk(sandboxes().isGone(sandbox), 'no cookie tells which one it was')
  t.notOk(sandboxes().isGone({ ...sandbox, netnsCookie: cookieOf(own) ?? '' }))
  t.ok(sandboxes().isGone({ ...sandbox, netnsCookie: '0' }), 'but not in that one')
})

const others = [
  { id: 'b', hostname: 'node2' },
  { id: 'a', hostname: 'node2' },
  { id: 'b', hostname: 'node1' },
]

t.test('of another machine, or perhaps of one', async (t) => {
  const old = { ...gone, bootId: 'boot 1' }
  t.notOk(shared().isGone(old), 'where others are, and it names none')
  t.notOk(shared().isOurs(undefined))
  t.ok(sandboxes().isOurs(undefined), 'where nobody else is')
  for (const all of [sandboxes(), shared()]) {
    t.ok(all.isGone({ ...old, machine }))
    for (const other of others) t.notOk(all.isGone({ ...old, machine: other }), other.hostname)
  }
  const nameless = shared({ ...identity, machine: undefined })
  t.notOk(nameless.isGone({ ...old, machine }), 'on a machine that nothing tells from others')
})

t.test('which is certainly on another machine', async (t) => {
  const otherMachine = (other?: Machine) =>
    shared().otherMachine({ ...gone, ...(other && { machine: other }) })
  t.strictSame(others.map(otherMachine), [others[0], undefined, undefined])
  t.equal(otherMachine(machine), undefined)
  t.equal(otherMachine(), undefined)
  t.equal(shared().otherMachine(undefined), undefined)
})

t.test('names its machine where others have the folder', async (t) => {
  t.strictSame(shared().locate(gone), { ...gone, machine })
  t.strictSame(shared({ ...identity, machine: undefined }).locate(gone), gone)
  t.strictSame(sandboxes().locate(gone), gone)
})

t.test('what somebody else has reserved is of this boot where nobody else is', async (t) => {
  t.strictSame(sandboxes().describeUnknown(), gone)
  t.strictSame(shared().describeUnknown(), { ...gone, bootId: '' })
})

/** A process in a namespace, until the test ends. */
function inhabit(t: Test, netns: string) {
  const child = spawn('nsenter', inside(netns, ['sh', '-c', 'echo; exec sleep 60']).slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test('namespaces that exist, have processes, are removed', { skip: kernelSkip() }, async (t) => {
  const { name, netns } = addNamespace(t)
  const known = describe(netns)
  t.match(known, { netns, netnsInode: Number })
  t.notOk(sandboxes().isGone(known))
  const child = inhabit(t, netns)
  await once(child.stdout, 'data')
  runSync(['ip', 'netns', 'delete', name])
  t.notOk(sandboxes().isGone(known), 'while it has a process')
  child.kill('SIGKILL')
  await once(child, 'close')
  t.ok(sandboxes().isGone(known))
  runSync(['ip', 'netns', 'add', name])
  t.notOk(sandboxes().isGone(known), 'when its name is used again')
})

t.test('what is no namespace counts as one', async (t) => {
  const dir = t.testdir()
  const netns = join(dir, 'sub/netns')
  mkdirSync(join(dir, 'sub'))
  writeFileSync(netns, '')
  const known = describe(netns)
  t.notOk(sandboxes().isGone(known))
  rmSync(netns)
  t.ok(sandboxes().isGone(known))
})
