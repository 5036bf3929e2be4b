import { readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Netns } from '../../../lib/linux/netns.ts'
import { linkByName } from '../../../lib/net/link.ts'
import { Connection } from '../../../lib/netlink/connection.ts'
import { addNamespace, kernelSkip, makeNode } from '../../../scripts/lab/node.ts'
import { run, runSync } from '../../../scripts/lab/run.ts'

const skip = kernelSkip()
const here = () => readlinkSync('/proc/thread-self/ns/net')

t.test('a path that is no namespace', async (t) => {
  const dir = t.testdir({ file: '' })
  const details =
    'want the file of a network namespace, such as /run/netns/NAME or /proc/PID/ns/net'
  t.throws(() => Netns.open('/run/netns/cnits-none'), {
    message: 'failed to Statfs "/run/netns/cnits-none": no such file or directory',
    code: 'ENOENT',
    details,
  })
  t.throws(() => Netns.open(join(dir, 'file', 'below')), {
    message: /^failed to Statfs ".*file\/below": not a directory$/,
    code: 'ENOTDIR',
  })
  for (const path of [join(dir, 'file'), dir]) {
    t.throws(() => Netns.open(path), {
      message: new RegExp(`^unknown FS magic on "${path}": [0-9a-f]+$`),
      code: 'ENOTNS',
      details,
    })
  }
})

t.test('a pipe does not block', async (t) => {
  const fifo = join(t.testdir({}), 'fifo')
  runSync(['mkfifo', fifo])
  t.throws(() => Netns.open(fifo), { code: 'ENOTNS' })
})

t.test('a namespace of another kind', { skip }, async (t) => {
  using netns = Netns.open('/proc/self/ns/mnt')
  const message = 'error switching to ns /proc/self/ns/mnt: invalid argument'
  t.throws(() => netns.run(() => 1), { message, code: 'EINVAL' })
})

t.test('work happens inside, and everything after outside', { skip }, async (t) => {
  const home = here()
  using netns = Netns.open(addNamespace(t).netns)
  const inside = netns.run(here)
  t.not(inside, home)
  t.equal(here(), home)
  t.throws(
    () =>
      netns.run(() => {
        throw new Error('oops')
      }),
    new Error('oops'),
  )
  t.equal(here(), home, 'after an error too')
})

t.test('one inside another', { skip }, async (t) => {
  using a = Netns.open(addNamespace(t).netns)
  using b = Netns.open(addNamespace(t).netns)
  const [outer, inner, again] = a.run(() => [here(), b.run(here), here()])
  t.not(inner, outer)
  t.equal(again, outer)
})

t.test('the same namespace by different paths', { skip }, async (t) => {
  const { netns: path } = addNamespace(t)
  using a = Netns.open(path)
  using b = Netns.open(path)
  using home = Netns.current()
  t.ok(a.sameAs(b))
  t.notOk(a.sameAs(home))
  const sameInside = a.run(() => {
    using current = Netns.current()
    return current.sameAs(b)
  })
  t.ok(sameInside)
})

t.test('a connection stays in its namespace', { skip }, async (t) => {
  const namespace = addNamespace(t)
  using netns = Netns.open(namespace.netns)
  using connection = Connection.openIn(netns)
  runSync(['ip', '-n', namespace.name, 'link', 'add', 'cnits-only', 'type', 'bridge'])
  t.equal(linkByName(connection, 'cnits-only')?.name, 'cnits-only')
  using home = Netns.current()
  using elsewhere = Connection.openIn(home)
  t.equal(linkByName(elsewhere, 'cnits-only'), undefined)
})

t.test('a connection outlives the path of its namespace', { skip }, async (t) => {
  const namespace = addNamespace(t)
  using netns = Netns.open(namespace.netns)
  using connection = Connection.openIn(netns)
  runSync(['ip', 'netns', 'delete', namespace.name])
  t.equal(linkByName(connection, 'lo')?.name, 'lo')
})

t.test('a thread that cannot return ends the process', { skip }, async (t) => {
  const node = makeNode(t)
  const script = join(node.dir, 'stuck.ts')
  const source = join(import.meta.dirname, '../../../lib/linux/netns.ts')
  // closing the descriptor of the namespace it came from is what makes returning impossible
  writeFileSync(
    script,
    `import { closeSync, readdirSync, readlinkSync } from 'node:fs'
     import { Netns } from ${JSON.stringify(source)}
     const home = readlinkSync('/proc/thread-self/ns/net')
     const link = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd) } catch { return '' } }
     Netns.open(${JSON.stringify(node.netns)}).run(() => {
       for (const fd of readdirSync('/proc/self/fd')) if (link(fd) === home) closeSync(Number(fd))
     })
     console.log('went on')`,
  )
  const outcome = await run(['sh', '-c', 'ulimit -c 0; exec "$0" "$1"', process.execPath, script])
  t.match(outcome, { code: null, stdout: '' })
})

/** Never called: the type checker sees that work cannot be asynchronous. */
export function asynchronousWork(netns: Netns): void {
  // @ts-expect-error a promise is no value of synchronous work
  netns.run(async () => 1)
}
