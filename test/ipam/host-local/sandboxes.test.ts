import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readBootId, Sandboxes } from '../../../ipam/host-local/sandboxes.ts'
import { addNamespace, kernelSkip } from '../../support/node.ts'
import { contextOf } from '../../support/request.ts'
import { inside, runSync } from '../../support/run.ts'

const { log } = contextOf()
const sandboxes = () => new Sandboxes('boot 2', log)
const gone = { bootId: 'boot 2', netns: '', netnsInode: 0 }

t.test('the ID of this boot', async (t) => {
  t.equal(readBootId(log), runSync(['cat', '/proc/sys/kernel/random/boot_id']).trim())
  t.match(readBootId(log), /^[\da-f-]{36}$/)
})

t.test('of another boot', async (t) => {
  t.ok(sandboxes().isGone({ ...gone, bootId: 'boot 1' }))
  t.notOk(sandboxes().isGone(gone))
  t.notOk(sandboxes().isGone({ ...gone, bootId: '' }), 'it is not known of which')
  t.notOk(new Sandboxes('', log).isGone({ ...gone, bootId: 'boot 1' }), 'nor which this is')
})

t.test('describes what is there, and nothing else', async (t) => {
  const dir = t.testdir({ netns: '', fifo: '' })
  const netns = join(dir, 'netns')
  const want = { bootId: 'boot 2', netns, netnsInode: statSync(netns).ino }
  t.strictSame(sandboxes().describe(netns), want)
  const others = ['', 'netns', join(dir, 'missing'), join(netns, 'x'), `/${'x'.repeat(600)}`]
  for (const path of others) t.strictSame(sandboxes().describe(path), gone, path)
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
  const known = sandboxes().describe(netns)
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
  const known = sandboxes().describe(netns)
  t.notOk(sandboxes().isGone(known))
  rmSync(netns)
  t.ok(sandboxes().isGone(known))
})
